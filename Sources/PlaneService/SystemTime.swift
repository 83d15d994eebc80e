import Glibc
package import PlaneProtocol

/// The only code that reads the machine's clock. All other code is given the time, as a value or as a function.
extension WireTime {
    package static func now() -> WireTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WireTime(seconds: Int64(time.tv_sec), nanoseconds: Int32(time.tv_nsec))
    }
}

extension StateTime {
    package static func now() -> StateTime { WireTime.now().stateTime }
}
