package import PlaneProtocol
import Foundation

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// The directory that contains the directories which outlive their backends (`agent.mount_base`).
///
/// Each of them lies directly in the base, or in the directory of a namespace, and never in another one. So whatever a container does in its own, links
/// included, it cannot reach others. They are accessible to their owner only (mode 0700).
package struct MountBase: Hashable, Sendable {
    /// An absolute path without a colon.
    package let path: String

    package init(path: String) {
        self.path = path
    }

    /// The path of the directory; nil for an invalid name.
    package func path(of mount: DataMount) -> String? {
        mount.directories.map { ([self.path] + $0).joined(separator: "/") }
    }

    /// Makes the directory if it is missing, on a thread that may wait for a disk.
    /// - Parameter user: as in `docker run --user`. A new directory gets a numeric user as its owner. The image's own user is not known here, so it has to be
    ///   root to use one.
    package func prepare(_ mount: DataMount, for user: String?) async throws(BackendEngineError) {
        let failure: BackendEngineError? = await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: self.blockingPrepare(mount, for: user)) }
        }
        if let failure { throw failure }
    }

    /// - Returns: Nil when the directory is there.
    private func blockingPrepare(_ mount: DataMount, for user: String?) -> BackendEngineError? {
        guard let names = mount.directories else { return BackendEngineError(.refused, "the name of the data directory is none") }
        if mkdir(self.path, 0o700) != 0, errno != EEXIST { return Self.failure("make \(self.path) (agent.mount_base)") }
        var base = open(self.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard base >= 0 else { return Self.failure("open \(self.path) (agent.mount_base)") }
        defer { close(base) }
        for (index, name) in names.enumerated() {
            var isNew = true
            if mkdirat(base, name, 0o700) != 0 {
                guard errno == EEXIST else { return Self.failure("make the directory \(name) in \(self.path)") }
                isNew = false
            }
            // Links are not followed, since whoever may write to the base could put one there.
            let next = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            guard next >= 0 else { return Self.failure("open the directory \(name) in \(self.path)") }
            close(base)
            base = next
            guard isNew, index == names.indices.last, let owner = Self.numbers(of: user) else { continue }
            guard fchown(base, owner.user, owner.group) == 0 else { return Self.failure("give the directory \(name) to user \(owner.user)") }
        }
        return nil
    }

    /// The numbers in `1000` or `1000:1000`; nil for names, which only the image knows.
    private static func numbers(of user: String?) -> (user: uid_t, group: gid_t)? {
        let parts = (user ?? "").split(separator: ":", omittingEmptySubsequences: false).map { UInt32($0) }
        guard (1...2).contains(parts.count), let user = parts[0], let group = parts.count == 2 ? parts[1] : user else { return nil }
        return (user, group)
    }

    private static func failure(_ attempt: String) -> BackendEngineError {
        let code: BackendEngineError.Code = errno == ENOSPC || errno == EDQUOT ? .diskFull : .refused
        return BackendEngineError(code, "\(attempt): \(String(cString: strerror(errno)))")
    }
}
