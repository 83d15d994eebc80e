#ifndef CSPAWN_H
#define CSPAWN_H

// What the C library shows to GNU sources alone of posix_spawn(3).

/// posix_spawn_file_actions_addclosefrom_np(3), glibc 2.34 and later: the new process has no descriptor from `first` on. Returns 0 or an error number.
///
/// `actions` is a posix_spawn_file_actions_t.
int cspawn_close_from(void *actions, int first);

#endif
