import PlaneProtocol

@testable import PlaneState

/// Drones that pull, start and end backends in simulated time, for one scheduler's placement. What a start takes follows from the image, the drone, what is under
/// way there, and whether the image is there.
struct SimulatedFleet {
    struct Options {
        var drones = 40
        /// Applications. Each gets a new image now and then.
        var applications = 60
        var minutes = 60
        /// Not measured: drones begin without any image.
        var warmUpMinutes = 10
        var startsPerSecond = 1.0
        /// Everybody in a class opens the same application.
        var classSize = 40
        var classEveryMinutes = 5.0
        var lifetimeMinutes = 15.0
        var releaseEveryMinutes = 60.0
        /// Images that fit on a drone's disk; the one that was used longest ago goes.
        var imagesOnDrone = 25
        /// Containers that each drone keeps of the application that is asked for most.
        var parked = 2
        /// Whether drones say how soon backends would be ready.
        var dronesSpeak = true
    }

    struct Outcome {
        /// From request to ready, in milliseconds, ascending.
        var readyMilliseconds: [Double] = []
        var pulls = 0
        /// The most backends that one drone had, by the mean of all drones, at the end.
        var fullest = 0.0

        func percentile(_ percent: Int) -> Double {
            self.readyMilliseconds[min(self.readyMilliseconds.count - 1, self.readyMilliseconds.count * percent / 100)]
        }
    }

    private struct Application {
        let startMilliseconds: Double
        let pullMilliseconds: Double
        var release = 1
    }

    private struct Drone {
        let id: DroneID
        let processors: Int
        /// Slower machines take longer for everything.
        let slowness: Double
        /// When each image is there, and when it was used last.
        var images: [String: (there: Double, used: Double)] = [:]
        var starting = 0
        var parked = 0
        var saidAt = -Double.infinity
        var hasNews = true
        var pulls: [Double] = []
    }

    private enum Event {
        case request(Int)
        case ready(BackendID, Int)
        case end(BackendID)
        case park(Int)
    }

    private let options: Options
    private var random: SplitMix64
    private var scene: PlacementScene
    private var applications: [Application] = []
    private var drones: [Drone] = []
    /// By tick.
    private var events: [Int: [Event]] = [:]
    private var outcome = Outcome()
    private var backends = 0
    private var milliseconds = 0.0

    private static let tick = 50.0

    /// - Parameter seed: gives the same fleet and requests, whatever the drones say.
    init(_ options: Options, seed: UInt64) {
        self.options = options
        var random = SplitMix64(state: seed)
        let count = options.applications
        self.applications = (0..<count).map { _ in
            // Most start within half a second, some within five; an image takes 2 to 30 s.
            Application(
                startMilliseconds: 200 * Self.exponent(25, &random), pullMilliseconds: 2000 * Self.exponent(15, &random))
        }
        self.drones = (0..<options.drones).map { number in
            Drone(
                id: DroneID(rawValue: "drone-\(number)")!, processors: [2, 4, 8].randomElement(using: &random) ?? 4,
                slowness: Double.random(in: 0.8...1.6, using: &random))
        }
        self.scene = PlacementScene(registered: self.drones.map(\.id))
        self.random = random
        self.plan()
    }

    /// From 1 to `most`, small ones more often.
    private static func exponent(_ most: Double, _ random: inout SplitMix64) -> Double {
        let part = Double.random(in: 0..<1, using: &random)
        var value = 1.0
        for _ in 0..<3 { value *= 1 + (most.cubeRoot - 1) * part }
        return value
    }

    private mutating func plan() {
        let end = Double(self.options.minutes) * 60_000
        var time = 0.0
        while time < end {
            time += self.interval(1000 / self.options.startsPerSecond)
            self.add(.request(self.popular()), at: time)
        }
        time = 0
        while time < end {
            time += self.interval(self.options.classEveryMinutes * 60_000)
            let application = self.popular()
            for _ in 0..<self.options.classSize { self.add(.request(application), at: time + Double.random(in: 0..<3000, using: &self.random)) }
        }
    }

    /// The first is asked for most (Zipf).
    private mutating func popular() -> Int {
        let weights = (1...self.options.applications).map { 1 / Double($0) }
        var draw = Double.random(in: 0..<weights.reduce(0, +), using: &self.random)
        for (index, weight) in weights.enumerated() {
            draw -= weight
            if draw < 0 { return index }
        }
        return 0
    }

    /// Memoryless, with this mean.
    private mutating func interval(_ mean: Double) -> Double {
        // The time until an event that comes with the same probability in each of many small steps.
        var count = 1
        while Double.random(in: 0..<1, using: &self.random) > 0.05 { count += 1 }
        return mean * 0.05 * Double(count)
    }

    private mutating func add(_ event: Event, at time: Double) { self.events[Int(time / Self.tick), default: []].append(event) }

    private func image(_ application: Int) -> String { "registry.example/app-\(application):\(self.applications[application].release)" }

    // MARK: Running

    mutating func run() -> Outcome {
        let begin = self.scene.milliseconds
        for tick in 0..<Int(Double(self.options.minutes) * 60_000 / Self.tick) {
            self.milliseconds = Double(tick) * Self.tick
            self.scene.milliseconds = begin + Int64(self.milliseconds)
            // Each drone speaks every 4 s, at another moment.
            for index in self.drones.indices where (tick + index) % 80 == 0 { self.speak(index) }
            if tick % 1200 == 0 { self.release() }
            for event in self.events.removeValue(forKey: tick) ?? [] { self.happen(event) }
        }
        self.outcome.readyMilliseconds.sort()
        let loads = self.drones.map { Double(self.scene.fleet.drone($0.id, in: cluster)?.liveBackends ?? 0) }
        self.outcome.fullest = (loads.max() ?? 0) / max(1, loads.reduce(0, +) / Double(loads.count))
        return self.outcome
    }

    private mutating func release() {
        for index in self.applications.indices where Double.random(in: 0..<1, using: &self.random) < 1 / self.options.releaseEveryMinutes {
            self.applications[index].release += 1
            // Parked containers of the image before are of no use.
            if index == 0 { for drone in self.drones.indices { self.drones[drone].parked = 0 } }
        }
    }

    private mutating func speak(_ index: Int) {
        let drone = self.drones[index]
        let isDue = drone.hasNews || self.milliseconds - drone.saidAt >= 30_000
        guard self.options.dronesSpeak, isDue else { return self.scene.heard(drone.id) }
        self.drones[index].hasNews = false
        self.drones[index].saidAt = self.milliseconds
        let first = self.image(0)
        let images = drone.images.filter { $0.value.there <= self.milliseconds }.sorted { $0.value.used > $1.value.used }.map(\.key)
        let starts = DroneStarts(
            images: images.map { name in
                let start = self.startMilliseconds(of: name) * drone.slowness
                let parked = name == first ? drone.parked : 0
                return .init(
                    name: name, readyMilliseconds: UInt32(start), parked: UInt32(parked),
                    parkedReadyMilliseconds: parked > 0 ? UInt32(max(20, start - 200 * drone.slowness)) : nil)
            }, readyMilliseconds: UInt32(500 * drone.slowness),
            pullMilliseconds: drone.pulls.isEmpty ? nil : UInt32(drone.pulls.sorted()[drone.pulls.count / 2]), processors: UInt32(drone.processors))
        self.scene.heard(drone.id, starts: starts.withinLimits)
    }

    private func startMilliseconds(of image: String) -> Double {
        let number = image.split(separator: "-").last?.split(separator: ":").first.flatMap { Int($0) } ?? 0
        return self.applications[number].startMilliseconds
    }

    private mutating func happen(_ event: Event) {
        switch event {
        case .request(let application): self.request(application)
        case .ready(let backend, let index):
            self.drones[index].starting -= 1
            self.drones[index].hasNews = true
            self.scene.apply(.state(backend, .ready))
        case .end(let backend):
            self.scene.apply(.state(backend, .swept))
            self.scene.fleet.forget(backend, in: cluster)
        case .park(let index):
            self.drones[index].parked = min(self.options.parked, self.drones[index].parked + 1)
            self.drones[index].hasNews = true
        }
    }

    private mutating func request(_ application: Int) {
        let image = self.image(application)
        self.backends += 1
        guard let chosen = self.scene.choose(PlacementNeeds(image: ImageKey(image))), let backend = BackendID(rawValue: "b\(self.backends)"),
            let index = self.drones.firstIndex(where: { $0.id == chosen })
        else { return }
        self.scene.apply(.assign(backend, to: chosen))
        self.scene.placement.settle(chosen, in: cluster)
        let ready = self.milliseconds + self.start(application, image, on: index)
        self.add(.ready(backend, index), at: ready + Self.tick)
        let lifetime = self.interval(self.options.lifetimeMinutes * 60_000)
        self.add(.end(backend), at: ready + 2 * Self.tick + lifetime)
        guard self.milliseconds >= Double(self.options.warmUpMinutes) * 60_000 else { return }
        self.outcome.readyMilliseconds.append(ready - self.milliseconds)
    }

    /// - Returns: How long it takes.
    private mutating func start(_ application: Int, _ image: String, on index: Int) -> Double {
        let drone = self.drones[index]
        let queue = max(1, Double(drone.starting + 1) / Double(drone.processors))
        self.drones[index].starting += 1
        var pull = 0.0
        if let there = drone.images[image]?.there {
            pull = max(0, there - self.milliseconds)
        } else {
            pull = self.applications[application].pullMilliseconds * drone.slowness
            self.outcome.pulls += 1
            self.drones[index].pulls.append(pull)
            if drone.images.count >= self.options.imagesOnDrone, let oldest = drone.images.min(by: { $0.value.used < $1.value.used }) {
                self.drones[index].images[oldest.key] = nil
            }
        }
        self.drones[index].images[image] = (there: self.milliseconds + pull, used: self.milliseconds)
        let start = self.applications[application].startMilliseconds * drone.slowness
        if application == 0 {
            self.add(.park(index), at: self.milliseconds + pull + 2000)
            if drone.parked > 0 {
                self.drones[index].parked -= 1
                return max(20, start - 200 * drone.slowness) * queue
            }
        }
        return pull + start * queue
    }
}

extension Double {
    /// By Newton's method, since there is no such function without a C library.
    fileprivate var cubeRoot: Double {
        var root = max(1, self)
        for _ in 0..<60 { root = (2 * root + self / (root * root)) / 3 }
        return root
    }
}
