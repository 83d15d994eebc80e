import Synchronization

@testable import ACME

/// Notes what it is asked to do, and may fail at it.
final class RecordingSolver: ChallengeSolver {
    enum Event: Hashable, Sendable {
        case present(String)
        case cleanUp(String)
    }

    struct Refusal: Error {}

    private let noted = Mutex<[(Event, ChallengeRecord)]>([])
    private let failsAt: Int?

    /// - Parameter failsAt: which call of `present` fails, counted from 0.
    init(failsAt: Int? = nil) {
        self.failsAt = failsAt
    }

    var events: [Event] { self.noted.withLock { $0.map(\.0) } }
    var records: [ChallengeRecord] { self.noted.withLock { $0.map(\.1) } }

    func present(_ record: ChallengeRecord) async throws {
        let count = self.noted.withLock { noted in
            noted.append((.present(record.name), record))
            return noted.count
        }
        if count - 1 == self.failsAt { throw Refusal() }
    }

    func cleanUp(_ record: ChallengeRecord) async {
        self.noted.withLock { $0.append((.cleanUp(record.name), record)) }
    }
}
