/// Time limits of the parts of a schedule request. A requester waits 10 s, so it has to have its answer before.
package struct ScheduleLimits: Hashable, Sendable {
    /// Time after which no new step begins that waits for something.
    package var total: Duration = .seconds(8)
    /// Time after which no drone's answer is waited for, even if the request has waited for a lock before.
    package var answer: Duration = .seconds(9)
    /// Time for a drone's answer. It accepts within milliseconds, before it does any work. A silent drone is asked once more, for as long, and
    /// an answer to either request counts. One that refuses the first request meanwhile is waited for until `answer`.
    package var spawnAnswer: Duration = .milliseconds(2500)
    /// Time for which a late refusal is still listened for, because it frees the lock.
    package var lateAnswer: Duration = .seconds(60)
    /// Time for which a request waits for a lock that another one is about to take, or whose holder is not heard of.
    package var lockWait: Duration = .seconds(6)
    /// Time within which this scheduler's own write has to come back through the stream.
    package var stateEcho: Duration = .seconds(2)
    /// Most drones asked for one request. If so many refuse, more will not help.
    package var dronesAsked = 5

    package init() {}
}
