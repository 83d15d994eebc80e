@testable import NATS
import Testing
import UTCTime

@Suite("The machine of an ordered consumer")
struct OrderedConsumerMachineTests {
    private static func following(start: OrderedConsumerStart = .first) -> OrderedConsumerMachine {
        var machine = OrderedConsumerMachine(start: start)
        let generation = machine.beginOpening()
        _ = machine.streamSeen(created: "monday", lastSequence: 10)
        machine.opened(consumer: "c1", generation: generation)
        return machine
    }

    private static func delivery(_ stream: UInt64, _ consumer: UInt64, of name: String = "c1") -> DeliveryMetadata {
        DeliveryMetadata(
            consumer: name, streamSequence: stream, consumerSequence: consumer, published: UTCInstant(seconds: 0),
            pending: 0)
    }

    @Test(
        "starts where it was told",
        arguments: [(OrderedConsumerStart.first, 1), (.new, 11), (.sequence(5), 5), (.sequence(0), 1)] as [(OrderedConsumerStart, UInt64)])
    func start(start: OrderedConsumerStart, expected: UInt64) {
        var machine = OrderedConsumerMachine(start: start)
        _ = machine.beginOpening()
        #expect(machine.streamSeen(created: "monday", lastSequence: 10) == expected)
    }

    @Test("hands out deliveries that are numbered without a gap, whatever their place in the stream")
    func inOrder() {
        var machine = Self.following()
        #expect(machine.received(Self.delivery(3, 1), generation: 1) == .deliver)
        #expect(machine.received(Self.delivery(9, 2), generation: 1) == .deliver)
    }

    @Test("a missing delivery means a new consumer behind the last one handed out")
    func gap() {
        var machine = Self.following()
        #expect(machine.received(Self.delivery(3, 1), generation: 1) == .deliver)
        #expect(machine.received(Self.delivery(5, 3), generation: 1) == .reopen)
        #expect(machine.beginOpening() == 2)
        #expect(machine.received(Self.delivery(6, 4), generation: 1) == .ignore)
        #expect(machine.received(Self.delivery(6, 4), generation: 2) == .ignore)
        #expect(machine.streamSeen(created: "monday", lastSequence: 10) == 4)
        machine.opened(consumer: "c2", generation: 2)
        #expect(machine.received(Self.delivery(4, 1, of: "c1"), generation: 2) == .ignore)
        #expect(machine.received(Self.delivery(4, 1, of: "c2"), generation: 2) == .deliver)
    }

    @Test("a repeated delivery is a gap too, so nothing is handed out twice")
    func repetition() {
        var machine = Self.following()
        #expect(machine.received(Self.delivery(3, 1), generation: 1) == .deliver)
        #expect(machine.received(Self.delivery(3, 1), generation: 1) == .reopen)
    }

    @Test(
        "a heartbeat that counts more than arrived means the last delivery is missing",
        arguments: [(nil, .none), (0, .none), (1, .none), (2, .reopen), (9, .reopen)]
            as [(UInt64?, OrderedConsumerMachine.SignalAction)])
    func heartbeat(lastDelivery: UInt64?, expected: OrderedConsumerMachine.SignalAction) {
        var machine = Self.following()
        #expect(machine.received(Self.delivery(3, 1), generation: 1) == .deliver)
        #expect(machine.heartbeat(lastDelivery: lastDelivery, generation: 1) == expected)
        #expect(machine.heartbeat(lastDelivery: lastDelivery, generation: 0) == .none)
    }

    @Test("an interruption counts once, and only for the generation it happened to")
    func interruption() {
        var machine = Self.following()
        #expect(machine.interrupted(generation: 0) == .none)
        #expect(machine.interrupted(generation: 1) == .reopen)
        _ = machine.beginOpening()
        #expect(machine.interrupted(generation: 1) == .none)
        #expect(machine.interrupted(generation: 2) == .none)
    }

    @Test("a consumer for what is new misses nothing that came before its successor was made")
    func newKeepsItsPlace() {
        var machine = Self.following(start: .new)
        _ = machine.beginOpening()
        #expect(machine.streamSeen(created: "monday", lastSequence: 15) == 11)
    }

    @Test(
        "another stream of the same name, or an older copy of it, is read from its beginning",
        arguments: [("tuesday", 20), ("tuesday", 2), ("monday", 2)] as [(String, UInt64)])
    func replacedStream(created: String, lastSequence: UInt64) {
        var machine = Self.following()
        #expect(machine.received(Self.delivery(3, 1), generation: 1) == .deliver)
        _ = machine.beginOpening()
        #expect(machine.streamSeen(created: created, lastSequence: lastSequence) == 1)
        #expect(machine.incarnation == 1)
    }

    @Test("an answer to an earlier try to open changes nothing")
    func lateOpened() {
        var machine = OrderedConsumerMachine(start: .first)
        let first = machine.beginOpening()
        let second = machine.beginOpening()
        _ = machine.streamSeen(created: "monday", lastSequence: 1)
        machine.opened(consumer: "c1", generation: first)
        #expect(machine.state == .opening)
        machine.opened(consumer: "c2", generation: second)
        machine.opened(consumer: "c3", generation: second)
        #expect(machine.state == .following(consumer: "c2", nextDelivery: 1))
    }
}
