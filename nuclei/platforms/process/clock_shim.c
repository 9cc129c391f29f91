/* Shifts the wall clock of one process: preloaded, it adds an offset to what clock_gettime, gettimeofday, time and
   timespec_get say of CLOCK_REALTIME. The offset, in ns, is the 8-byte integer (in the machine's byte order) at the
   beginning of the file that LOCKQUAKE_CLOCK names; the file is mapped, so that writing it moves the clock at once.
   Without the variable or the file nothing changes, and no other clock ever does.

   Everything is settled once, in the constructor, while the process has one thread and its first environment (Redis
   rewrites its own). Before that the raw clock answers by system call, because dlsym may allocate and an allocator may
   ask for the time. After it, a call is a load and an addition: safe in threads and in signal handlers. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(time_t) == 8 && sizeof(long) == 8, "only for 64-bit systems");

enum { SECOND = 1000000000 };
static const int64_t nothing;
static const volatile int64_t *offset = &nothing;
static int (*next_clock)(clockid_t, struct timespec *);
static int (*next_timespec)(struct timespec *, int);

static void shift(struct timespec *at) {
    int64_t by = *offset, ns = at->tv_nsec + by % SECOND; /* from -SECOND to 2 SECOND, exclusive */
    int64_t carry = (ns >= SECOND) - (ns < 0);
    at->tv_sec += by / SECOND + carry;
    at->tv_nsec = ns - carry * SECOND;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    int failed = next_clock ? next_clock(clock, at) : (int)syscall(SYS_clock_gettime, clock, at);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) shift(at);
    return failed;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    struct timespec now;
    if (zone) memset(zone, 0, sizeof(struct timezone)); /* as glibc does */
    if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
    *at = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now); /* the clock behind glibc's time */
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}

int timespec_get(struct timespec *at, int base) {
    if (base == TIME_UTC) return clock_gettime(CLOCK_REALTIME, at) ? 0 : base;
    return next_timespec ? next_timespec(at, base) : 0;
}

__attribute__((constructor)) static void settle(void) {
    next_clock = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime"); /* 9 x faster than a call */
    next_timespec = (int (*)(struct timespec *, int))dlsym(RTLD_NEXT, "timespec_get");
    const char *name = getenv("LOCKQUAKE_CLOCK");
    int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    struct stat status;
    if (file < 0) return;
    if (!fstat(file, &status) && status.st_size >= (off_t)sizeof *offset) {
        void *page = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
        if (page != MAP_FAILED) offset = page;
    }
    close(file);
}
