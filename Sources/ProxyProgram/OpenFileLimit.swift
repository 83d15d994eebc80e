#if canImport(Glibc)
import Glibc
#endif

/// How many descriptors this process may have.
package enum OpenFileLimit {
    /// Asks for as many as the administrator allows (`LimitNOFILE`, `ulimit -Hn`), and says how many that are.
    package static func raise() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return Int(clamping: limit.rlim_cur)
    }
}
