@testable import NATS
import Testing
import UTCTime

@Suite("What a consumer writes into the reply subject")
struct DeliveryMetadataTests {
    @Test(
        "is read in the old form, with a domain, and with a token behind",
        arguments: [
            "$JS.ACK.s.c.1.7.3.1700000000000000001.4",
            "$JS.ACK.domain.ACCOUNT.s.c.1.7.3.1700000000000000001.4",
            "$JS.ACK._.ACCOUNT.s.c.1.7.3.1700000000000000001.4.token",
        ])
    func forms(reply: String) {
        let metadata = DeliveryMetadata(reply: reply)
        #expect(metadata?.consumer == "c")
        #expect(metadata?.streamSequence == 7)
        #expect(metadata?.consumerSequence == 3)
        #expect(metadata?.published == UTCInstant(seconds: 1_700_000_000, nanoseconds: 1))
        #expect(metadata?.pending == 4)
    }

    @Test(
        "anything else is none",
        arguments: [
            "", "_INBOX.x", "$JS.ACK.s.c.1.7.3.1700000000000000001", "$JS.FC.s.c.1.7.3.1700000000000000001.4",
            "$JS.ACK.s.c.1.x.3.1700000000000000001.4", "$JS.ACK.s.c.1.7.3.1700000000000000001.-4",
            "$JS.ACK.s.c.1.7.3.99999999999999999999999.4",
        ])
    func refused(reply: String) {
        #expect(DeliveryMetadata(reply: reply) == nil)
    }
}
