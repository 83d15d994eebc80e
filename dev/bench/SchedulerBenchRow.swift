import Foundation

/// What was measured with one number of drones.
struct SchedulerBenchRow {
    var drones: Int
    var backends: Int
    /// In the stream when the scheduler started.
    var messages: Int
    var startUp: Duration
    /// The same messages read and thrown away.
    var bareRead: Duration
    /// Of the scheduler until it was ready.
    var startUpProcessor: Duration
    /// Resident, when it had read them.
    var memory: Int
    /// Of one core, while drones say that they live and nobody asks for anything.
    var idleProcessor = 0.0
    /// Into the stream each second meanwhile.
    var writes = 0.0
    var requests = 0.0
    /// Of processor time.
    var secondsPerRequest = 0.0

    /// - Parameter emptyMemory: of a scheduler that has read an empty stream.
    func text(emptyMemory: Int) -> String {
        let messages = Double(max(1, self.messages))
        return String(
            format: "%6ld  %8ld  %8ld  %6.2f s  %10.0f  %11.0f  %8.1f µs  %3.0f MB  %9.0f  %7.2f%%  %8.0f  %10.0f  %8.0f µs  %20.0f", self.drones,
            self.backends, self.messages, self.startUp / .seconds(1), messages / (self.startUp / .seconds(1)),
            messages / (self.bareRead / .seconds(1)), self.startUpProcessor / .microseconds(1) / messages, Double(self.memory) / 1e6,
            Double(self.memory - emptyMemory) / Double(max(1, self.backends)), self.idleProcessor * 100, self.writes, self.requests,
            self.secondsPerRequest * 1e6, 1 / self.secondsPerRequest)
    }
}
