/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded under valgrind, which writes code and files where the walls allow neither, and by the
 * test of the walls, which must notice: the filter is not loaded and the rules for files are not
 * applied. The programs themselves are those that are installed; nothing in them asks for this. */
#include <dlfcn.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

int seccomp_load(const void *filter);

int
seccomp_load(const void *filter)
{
    (void)filter;
    return 0;
}

long
syscall(long number, ...)
{
    static long (*next)(long, ...);
    long a[6];
    va_list list;
    if (number == SYS_landlock_restrict_self)
        return 0;
    va_start(list, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    if (next == NULL)
        next = (long (*)(long, ...))(void (*)(void))dlsym(RTLD_NEXT, "syscall");
    return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
