import NetworkAddresses
@testable import PlaneProtocol
@testable import PlaneState

/// A history of the stream in which anything may happen: few names, so that everything meets everything; writers that follow the rules
/// and writers that do not; a clock that now and then goes back a little; subjects purged in the middle.
struct RandomHistory {
    static let locks = ["doc-1", "doc-2", ""].map { LockName(rawValue: $0)! }
    private static let backends = ["b1", "b2", "b3", "b4", "b5"].map { BackendID(rawValue: $0)! }
    private static let drones = ["d1", "d2", "d3"].map { DroneID(rawValue: $0)! }

    private(set) var stream = Stream()
    private var random: SplitMix64
    private var seconds: Int64 = 1_700_000_000

    init(seed: UInt64) {
        self.random = SplitMix64(state: seed)
    }

    mutating func step() {
        self.seconds += self.chance(1, of: 20) ? -3 : Int64.random(in: 0...12, using: &self.random)
        switch Int.random(in: 0..<20, using: &self.random) {
        case 0..<3: self.stream.append(.heartbeat, at: self.seconds)
        case 3..<7: self.announce()
        case 7: self.stream.append(.revoke(self.lock(), self.uid()), at: self.seconds)
        case 8..<12: self.assign()
        case 12..<16: self.report()
        case 16..<18: self.droneChange()
        case 18: self.stream.append(.acme("value \(self.uid())"), at: self.seconds)
        default: self.purge()
        }
    }

    /// With compare-and-set, as we do, or without.
    private mutating func announce() {
        let lock = self.lock()
        let message = StateMessage.announce(lock, self.uid())
        let isCareful = self.chance(1, of: 2)
        guard !isCareful || self.stream.live.lock(lock, in: cluster) == .free else { return }
        self.stream.append(message, at: self.seconds)
    }

    private mutating func assign() {
        let lock: (LockName, UInt64)? = self.chance(3, of: 4) ? (self.lock(), self.uid()) : nil
        self.stream.append(
            .assign(self.backend(), to: self.drone(), token: self.chance(1, of: 2) ? "t" : nil, lock: lock), at: self.seconds)
    }

    /// First write wins, as it must; but once in a while a writer does not ask for that.
    private mutating func report() {
        let backend = self.backend()
        let message: StateMessage =
            self.chance(1, of: 6) ? .ending(backend) : .state(backend, self.pick(BackendState.allCases), at: self.milliseconds())
        guard self.stream.lastSequence(message.subject) == 0 || self.chance(1, of: 10) else { return }
        self.stream.append(message, at: self.seconds)
    }

    private mutating func droneChange() {
        let drone = self.drone()
        switch Int.random(in: 0..<3, using: &self.random) {
        case 0: self.stream.append(.register(drone, ip: .v4(UInt32.random(in: 1...9, using: &self.random))), at: self.seconds)
        case 1: self.stream.append(.state(drone, self.pick(DroneState.allCases), at: self.milliseconds()), at: self.seconds)
        default: self.stream.append(.keepAlive(drone, at: self.milliseconds()), at: self.seconds)
        }
    }

    private mutating func purge() {
        switch Int.random(in: 0..<3, using: &self.random) {
        case 0: self.stream.purge(self.backend())
        case 1: self.stream.purge(self.drone())
        default: self.stream.purge(self.lock())
        }
    }

    private mutating func lock() -> LockName { self.pick(Self.locks) }
    private mutating func backend() -> BackendID { self.pick(Self.backends) }
    private mutating func drone() -> DroneID { self.pick(Self.drones) }
    private mutating func uid() -> UInt64 { UInt64.random(in: 1...4, using: &self.random) }

    /// A scheduler's clock, off by up to a minute.
    private mutating func milliseconds() -> Int64 { (self.seconds + Int64.random(in: -60...60, using: &self.random)) * 1000 }

    private mutating func chance(_ count: Int, of total: Int) -> Bool { Int.random(in: 0..<total, using: &self.random) < count }

    private mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: elements.indices, using: &self.random)]
    }
}
