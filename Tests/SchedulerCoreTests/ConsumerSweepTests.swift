import NATS
import PlaneProtocol
import Testing

@testable import SchedulerCore

@Suite("Consumers that others have left") struct ConsumerSweepTests {
    static let inbox = "controller.inbox.dns.x"

    @Test(
        "one counts as left that stays for long without a reader, or delivers where somebody listens for other things",
        arguments: [
            (ConsumerInfo(name: "a", deliverSubject: inbox, inactiveThreshold: .seconds(301)), true),
            (ConsumerInfo(name: "a", inactiveThreshold: .seconds(31_536_000)), true),
            (ConsumerInfo(name: "a", deliverSubject: "cluster.plane_test.drone.drone-1.spawn", inactiveThreshold: .seconds(30)), true),
            (ConsumerInfo(name: "a", deliverSubject: "visited.inbox.x"), true),
            (ConsumerInfo(name: "a", deliverSubject: inbox, inactiveThreshold: .seconds(30)), false),
            (ConsumerInfo(name: "a", deliverSubject: "_INBOX.x", inactiveThreshold: .seconds(300)), false),
            (ConsumerInfo(name: "a"), false),
            (ConsumerInfo(name: "a", isDurable: true, deliverSubject: "mine", inactiveThreshold: .seconds(31_536_000)), false),
        ])
    func left(consumer: ConsumerInfo, isLeft: Bool) {
        #expect(ConsumerSweep.isLeft(consumer) == isLeft)
    }

    @Test("inboxes are those of the configuration")
    func inboxes() {
        let consumer = ConsumerInfo(name: "a", deliverSubject: "my.own.x", inactiveThreshold: .seconds(30))
        #expect(ConsumerSweep.isLeft(consumer) && !ConsumerSweep.isLeft(consumer, inboxes: ReplySubjects(prefixes: ["my.own"])))
    }
}
