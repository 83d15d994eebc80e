import ArgumentParser
import PlaneProtocol

// Arguments are checked when they are parsed; for a wrong one the error says what is expected (exit status 64).

extension ClusterName: ExpressibleByArgument {
    package init?(argument: String) { self.init(rawValue: argument) }
}

extension BackendID: ExpressibleByArgument {
    package init?(argument: String) { self.init(rawValue: argument) }
}

extension DroneID: ExpressibleByArgument {
    package init?(argument: String) { self.init(rawValue: argument) }
}

extension PoolName: ExpressibleByArgument {
    package init?(argument: String) { self.init(rawValue: argument) }
}

extension LockName: ExpressibleByArgument {
    package init?(argument: String) { self.init(rawValue: argument) }
}
