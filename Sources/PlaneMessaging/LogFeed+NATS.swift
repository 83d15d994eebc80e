package import NATS
import PlaneProtocol
package import PlaneService

extension LogFeed {
    /// Sends log events until cancelled. While the connection is down nothing is sent, and events beyond the buffer are dropped.
    package func run(over connection: NATSConnection) async {
        await self.run { message in
            // Errors are ignored: whoever needs every event reads the log itself.
            try? connection.publish(WireCodec.encode(message), to: message.subject)
        }
    }
}
