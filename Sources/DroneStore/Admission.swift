/// What became of a spawn request's attempt to enter the table.
package enum Admission: Equatable, Sendable {
    /// The row is there now, in state `Loading`, with its report queued.
    case admitted
    /// The very same request was admitted before: the sender has not seen our answer and asks again.
    case repeated
    /// The name belongs to another backend, living or remembered.
    case nameTaken
    /// There are as many live backends as there may be.
    case noRoom
}
