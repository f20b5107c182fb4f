import cloudstate.tck.model.Eventsourced;
import com.google.protobuf.Descriptors.FileDescriptor;
import io.cloudstate.javasupport.CloudState;

/** The event-sourced services of the compatibility kit; HOST and PORT say where. */
public final class Main {
  public static void main(String[] arguments) {
    FileDescriptor file = Eventsourced.getDescriptor();
    // The library knows the messages of methods by itself; those that are stored it finds in the file.
    new CloudState()
        .registerEventSourcedEntity(
            Model.class, file.findServiceByName("EventSourcedTckModel"), file)
        .registerEventSourcedEntity(Two.class, file.findServiceByName("EventSourcedTwo"), file)
        .start();
  }
}
