import cloudstate.tck.model.Eventsourced.Persisted;
import cloudstate.tck.model.Eventsourced.Request;
import cloudstate.tck.model.Eventsourced.Response;
import io.cloudstate.javasupport.eventsourced.CommandHandler;
import io.cloudstate.javasupport.eventsourced.EventHandler;
import io.cloudstate.javasupport.eventsourced.EventSourcedEntity;

/** The target of forwards and side effects: it answers with nothing. */
@EventSourcedEntity(persistenceId = "event-sourced-tck-model-two")
public class Two {
  @CommandHandler
  public Response call(Request request) {
    return Response.getDefaultInstance();
  }

  @EventHandler
  public void persisted(Persisted event) {}
}
