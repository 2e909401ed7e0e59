// Preloaded into every process of a run: counts the changes to files, and from a given one on says no.
//
// Environment: DISK_COUNT names a file of eight bytes that all processes share, DISK_FAILS_AT the first change that fails
// (0: none), DISK_ERRNO the error. Terminals, pipes and sockets are left alone; so is taking files away from a full disk.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static _Atomic uint64_t *count;
static uint64_t fails_at;
static int error = ENOSPC;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("DISK_COUNT"), *at = getenv("DISK_FAILS_AT"), *number = getenv("DISK_ERRNO");
    int (*real_open)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    int fd = path ? real_open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *shared = mmap(0, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (shared == MAP_FAILED) return;
    fails_at = at ? strtoull(at, 0, 10) : 0;
    error = number ? atoi(number) : ENOSPC;
    count = shared;
}

static int fails(void) {
    if (!count) return 0;
    uint64_t now = ++*count;
    if (!fails_at || now < fails_at) return 0;
    errno = error;
    return 1;
}

static int is_file(int fd) {
    struct stat about;
    int kept = errno, file = fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
    errno = kept;
    return file;
}

#define REAL(name) ({ static __typeof__(name) *real; if (!real) real = dlsym(RTLD_NEXT, #name); real; })

ssize_t write(int fd, const void *from, size_t bytes) {
    return is_file(fd) && fails() ? -1 : REAL(write)(fd, from, bytes);
}
ssize_t pwrite(int fd, const void *from, size_t bytes, off_t at) {
    return is_file(fd) && fails() ? -1 : REAL(pwrite)(fd, from, bytes, at);
}
ssize_t pwrite64(int fd, const void *from, size_t bytes, off64_t at) {
    return is_file(fd) && fails() ? -1 : REAL(pwrite64)(fd, from, bytes, at);
}
ssize_t writev(int fd, const struct iovec *from, int parts) {
    return is_file(fd) && fails() ? -1 : REAL(writev)(fd, from, parts);
}
int mkdir(const char *path, mode_t mode) { return fails() ? -1 : REAL(mkdir)(path, mode); }
int rename(const char *from, const char *to) { return fails() ? -1 : REAL(rename)(from, to); }
int link(const char *from, const char *to) { return fails() ? -1 : REAL(link)(from, to); }

static int opening_fails(int flags) {
    int writes = (flags & O_ACCMODE) != O_RDONLY;
    return ((flags & O_CREAT) || (error == EROFS && writes)) && fails();
}

#define OPENS(name)                                              \
    int name(const char *path, int flags, ...) {                 \
        va_list rest;                                            \
        va_start(rest, flags);                                   \
        mode_t mode = va_arg(rest, mode_t);                      \
        va_end(rest);                                            \
        return opening_fails(flags) ? -1 : REAL(name)(path, flags, mode); \
    }
OPENS(open)
OPENS(open64)

int unlink(const char *path) { return error == EROFS && fails() ? -1 : REAL(unlink)(path); }
int rmdir(const char *path) { return error == EROFS && fails() ? -1 : REAL(rmdir)(path); }
int ftruncate64(int fd, off64_t length) { return error == EROFS && fails() ? -1 : REAL(ftruncate64)(fd, length); }
