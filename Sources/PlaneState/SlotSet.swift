/// A few slots in the order of insertion. Nearly always there is none or one; then nothing is allocated, and the set is as large as a pointer.
enum SlotSet<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    typealias Slot = SlotTable<Key, Value>.Slot

    case none
    case one(Slot)
    case several([Slot])

    init() {
        self = .none
    }

    var isEmpty: Bool {
        switch self {
        case .none: true
        case .one, .several: false
        }
    }

    /// The slot that was inserted first.
    var first: Slot? {
        switch self {
        case .none: nil
        case .one(let slot): slot
        case .several(let slots): slots.first
        }
    }

    mutating func insert(_ slot: Slot) {
        switch self {
        case .none:
            self = .one(slot)
        case .one(let other):
            if other != slot { self = .several([other, slot]) }
        case .several(let others):
            if !others.contains(slot) { self = .several(others + [slot]) }
        }
    }

    mutating func remove(_ slot: Slot) {
        switch self {
        case .none:
            break
        case .one(let other):
            if other == slot { self = .none }
        case .several(let slots):
            let others = slots.filter { $0 != slot }
            self = others.count == 1 ? .one(others[0]) : .several(others)
        }
    }

    func forEach(_ body: (Slot) -> Void) {
        switch self {
        case .none: break
        case .one(let slot): body(slot)
        case .several(let slots): slots.forEach(body)
        }
    }
}
