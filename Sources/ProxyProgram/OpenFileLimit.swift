#if canImport(Glibc)
import Glibc
#endif

/// The number of descriptors that this process may have.
package enum OpenFileLimit {
    /// Raises the limit to what the administrator allows (`LimitNOFILE`, `ulimit -Hn`), and returns it.
    package static func raise() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return Int(clamping: limit.rlim_cur)
    }
}
