import cloudstate.tck.model.Eventsourced.Persisted;
import cloudstate.tck.model.Eventsourced.Request;
import cloudstate.tck.model.Eventsourced.RequestAction;
import cloudstate.tck.model.Eventsourced.Response;
import io.cloudstate.javasupport.ServiceCall;
import io.cloudstate.javasupport.eventsourced.CommandContext;
import io.cloudstate.javasupport.eventsourced.CommandHandler;
import io.cloudstate.javasupport.eventsourced.EventHandler;
import io.cloudstate.javasupport.eventsourced.EventSourcedEntity;
import io.cloudstate.javasupport.eventsourced.Snapshot;
import io.cloudstate.javasupport.eventsourced.SnapshotHandler;
import java.util.Optional;

/** Takes the steps of each request. Its state is a text, and events add to it. */
@EventSourcedEntity(persistenceId = "event-sourced-tck-model", snapshotEvery = 5)
public class Model {
  private String state = "";

  @CommandHandler
  public Optional<Response> process(Request request, CommandContext context) {
    // Versions of the library differ in when they apply an event: with `emit`, or after the command.
    StringBuilder text = new StringBuilder(state);
    boolean forwarded = false;
    for (RequestAction action : request.getActionsList()) {
      switch (action.getActionCase()) {
        case EMIT:
          String value = action.getEmit().getValue();
          context.emit(Persisted.newBuilder().setValue(value).build());
          text.append(value);
          break;
        case FORWARD:
          context.forward(two(context, action.getForward().getId()));
          forwarded = true;
          break;
        case EFFECT:
          context.effect(two(context, action.getEffect().getId()), action.getEffect().getSynchronous());
          break;
        case FAIL:
          throw context.fail(action.getFail().getMessage());
        default:
          throw new IllegalArgumentException("no step");
      }
    }
    return forwarded
        ? Optional.empty()
        : Optional.of(Response.newBuilder().setMessage(text.toString()).build());
  }

  @EventHandler
  public void persisted(Persisted event) {
    state += event.getValue();
  }

  @Snapshot
  public Persisted snapshot() {
    return Persisted.newBuilder().setValue(state).build();
  }

  @SnapshotHandler
  public void restore(Persisted snapshot) {
    state = snapshot.getValue();
  }

  private static ServiceCall two(CommandContext context, String id) {
    return context
        .serviceCallFactory()
        .lookup("cloudstate.tck.model.EventSourcedTwo", "Call", Request.class)
        .createCall(Request.newBuilder().setId(id).build());
  }
}
