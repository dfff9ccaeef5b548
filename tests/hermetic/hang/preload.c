/* Preloaded into a host: while the file is there that $HANG_DISK names, a sync of a file does not come back, as on a disk
 * that is dead; and while the one of $HANG_START is there, the start of a process does not.
 *
 * Each call that hangs is noted first, as a line of the file of that name with ".hung" behind it: what hangs nothing would
 * try nothing. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void hang(const char *variable, const char *call) {
  const char *gate = getenv(variable);
  if (!gate || access(gate, F_OK) != 0) return;
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s.hung", gate);
  int notes = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (notes >= 0) {
    dprintf(notes, "%s\n", call);
    close(notes);
  }
  while (access(gate, F_OK) == 0) usleep(10000);
}

int fsync(int file) {
  hang("HANG_DISK", "fsync");
  int (*next)(int) = (void *)dlsym(RTLD_NEXT, "fsync");
  return next(file);
}

int fdatasync(int file) {
  hang("HANG_DISK", "fdatasync");
  int (*next)(int) = (void *)dlsym(RTLD_NEXT, "fdatasync");
  return next(file);
}

/* How Rust's library starts a process. */
int posix_spawnp(pid_t *pid, const char *program, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *how,
                 char *const words[], char *const environment[]) {
  hang("HANG_START", "posix_spawnp");
  int (*next)(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, char *const[],
              char *const[]) = (void *)dlsym(RTLD_NEXT, "posix_spawnp");
  return next(pid, program, actions, how, words, environment);
}
