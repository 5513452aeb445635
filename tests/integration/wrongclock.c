/* tests/integration/wrongclock.c - a calendar that is wrong by CLOCK_SHIFT seconds, for one program
 * (LD_PRELOAD); its monotonic clock is the kernel's.  (faketime of Debian 12 also turns absolute timerfd
 * deadlines into nothing.) */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *ts)
{
    const char *shift = getenv("CLOCK_SHIFT");
    int r = (int)syscall(SYS_clock_gettime, id, ts);

    if (r == 0 && id == CLOCK_REALTIME && shift)
        ts->tv_sec += strtol(shift, NULL, 10);
    return r;
}
