/// Where Redis is, and what it asks for.
package struct RedisServer: Hashable, Sendable {
    package enum Location: Hashable, Sendable {
        case tcp(host: String, port: Int)
        case unix(path: String)
        /// The master of this name, which the sentinels know.
        case sentinels([SentinelAddress], master: String)
    }

    package struct SentinelAddress: Hashable, Sendable {
        package var host: String
        package var port: Int

        package init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
    }

    package var location: Location
    /// Sent with AUTH when not empty, and never shown.
    package var password = ""
    package var database = 0

    package init(_ location: Location) {
        self.location = location
    }

    /// Without the password.
    package var description: String {
        switch self.location {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): path
        case .sentinels(let addresses, let master): "\(master) of " + addresses.map { "\($0.host):\($0.port)" }.joined(separator: ", ")
        }
    }

    /// What is said on a new connection before anything else.
    var greeting: [RedisCommand] {
        var commands: [RedisCommand] = []
        if !self.password.isEmpty { commands.append(RedisCommand("AUTH", self.password)) }
        if self.database != 0 { commands.append(RedisCommand("SELECT", "\(self.database)")) }
        // A former master that does not know it yet, or a replica to be, is not what was asked for.
        if case .sentinels = self.location { commands.append(RedisCommand("ROLE", arguments: [])) }
        return commands
    }
}

/// Every bound on waiting for Redis.
package struct RedisLimits: Hashable, Sendable {
    /// Of a connection, its greeting included.
    package var connect: Duration = .seconds(1)
    /// From sending a command to its answer.
    package var answer: Duration = .seconds(1)
    /// Between two attempts to connect. Commands that come meanwhile fail at once.
    package var pause: Duration = .milliseconds(100)
    /// How often the sentinels are asked whether the master is still the same.
    package var masterCheck: Duration = .seconds(2)
    /// Commands that may wait for answers.
    package var waiting = 10_000

    package init() {}
}
