/// The address of Redis, and what is needed to log in.
package struct RedisServer: Hashable, Sendable {
    package enum Location: Hashable, Sendable {
        case tcp(host: String, port: Int)
        case unix(path: String)
        /// The master with this name, whose address the sentinels know.
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
    /// Sent with AUTH if not empty; never shown.
    package var password = ""
    package var database = 0

    package init(_ location: Location) {
        self.location = location
    }

    /// The server's address, without the password.
    package var description: String {
        switch self.location {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): path
        case .sentinels(let addresses, let master): "\(master) of " + addresses.map { "\($0.host):\($0.port)" }.joined(separator: ", ")
        }
    }

    /// The commands that are sent first on a new connection.
    var greeting: [RedisCommand] {
        var commands: [RedisCommand] = []
        if !self.password.isEmpty { commands.append(RedisCommand("AUTH", self.password)) }
        if self.database != 0 { commands.append(RedisCommand("SELECT", "\(self.database)")) }
        // A former master that has not noticed the failover, or a replica, must not be used as the master.
        if case .sentinels = self.location { commands.append(RedisCommand("ROLE", arguments: [])) }
        return commands
    }
}

/// The time limits and bounds for using Redis.
package struct RedisLimits: Hashable, Sendable {
    /// For making a connection, the greeting included.
    package var connect: Duration = .seconds(1)
    /// From sending a command to its answer.
    package var answer: Duration = .seconds(1)
    /// The pause between two attempts to connect. Commands that come meanwhile fail at once.
    package var pause: Duration = .milliseconds(100)
    /// How often the sentinels are asked whether the master is still the same.
    package var masterCheck: Duration = .seconds(2)
    /// A server that does not track, because it has refused it or hung up when it was asked, is asked again after half of this time at least and all of it at
    /// most, at random, so that the threads of a process do not ask at once. Each time costs a connection, over which no command goes until it tracks.
    package var trackingRetry: Duration = .seconds(300)
    /// How many commands may wait for answers.
    package var waiting = 10_000

    package init() {}
}
