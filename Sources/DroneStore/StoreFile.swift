import Glibc

/// The file, those that SQLite puts beside it, and who may read them: they contain bearer tokens, registry passwords and environments.
///
/// Only the owner may read or write them, from the first byte on and whatever the umask is. If the directory is made for a group to write in (mode 2770:
/// set-group-id and group-writable), so that agent and proxy can run as different users, the group may as well. SQLite gives the files beside it (`-wal`,
/// `-shm`) the mode of the file.
struct StoreFile {
    let path: String

    private static let ownerOnly = mode_t(0o600)
    private static let ownerAndGroup = mode_t(0o660)
    private static let permissionBits = mode_t(0o7777)

    /// Makes the file if there is none, and restricts the permissions of an existing one and of those beside it. Files of other owners are left alone; if
    /// something fails here, SQLite reports it for the same file.
    ///
    /// An existing file is not opened for this, since closing it would release the locks (fcntl(2)) that this process may have on it.
    func prepare() {
        let shared = self.sharingGroup()
        let mode = shared == nil ? Self.ownerOnly : Self.ownerAndGroup
        let descriptor = Glibc.open(self.path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        if descriptor >= 0 { Glibc.close(descriptor) }
        guard let real = realpath(self.path, nil) else { return }
        defer { free(real) }
        for suffix in ["", "-wal", "-shm", "-journal"] { Self.tighten(String(cString: real) + suffix, to: mode, group: shared) }
    }

    /// The group that shares the directory on purpose; nil if there is none.
    private func sharingGroup() -> gid_t? {
        let directory = self.path.lastIndex(of: "/").map { $0 == self.path.startIndex ? "/" : String(self.path[..<$0]) } ?? "."
        var status = stat()
        guard stat(directory, &status) == 0 else { return nil }
        let isShared = status.st_mode & S_ISGID != 0 && status.st_mode & S_IWGRP != 0 && status.st_mode & S_IWOTH == 0
        return isShared ? status.st_gid : nil
    }

    private static func tighten(_ path: String, to mode: mode_t, group: gid_t?) {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return }
        guard status.st_uid == geteuid() || geteuid() == 0 else { return }
        if let group, status.st_gid != group { _ = lchown(path, uid_t.max, group) }
        if status.st_mode & Self.permissionBits != mode { _ = chmod(path, mode) }
    }
}
