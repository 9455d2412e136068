/* SPDX-License-Identifier: Apache-2.0 */
/* Against dlsym(RTLD_NEXT), which this program's first module asks for the same modules. */
#include "next_symbol.h"

#include <dlfcn.h>

#include "unit_main.h"

/* What the recorder wraps, and of what else there are several versions. */
static const char *const names[] = {
    "malloc",         "calloc",   "realloc",   "free",     "posix_memalign",
    "aligned_alloc",  "memalign", "valloc",    "pvalloc",  "mmap",
    "munmap",         "mremap",   "madvise",   "brk",      "sbrk",
    "shmat",          "shmdt",    "fork",      "_Fork",    "daemon",
    "execve",         "execvpe",  "fexecve",   "execveat", "_exit",
    "quick_exit",     "dlclose",  "sigaction", "signal",   "sysv_signal",
    "sigset",         "chroot",   "setuid",    "seteuid",  "setreuid",
    "setresuid",      "setgid",   "setegid",   "setregid", "setresgid",
    "posix_spawn",    "regexec",  "realpath",  "fopen",    "pthread_cond_wait",
    "pthread_create", "sem_init", "nftw",      "glob",     "sched_setaffinity",
    "fmemopen",       "strtol",
};
/* glibc chooses among variants of these at run time. */
static const char *const chosen[] = {"memcpy", "strlen", "strchr", "time", "gettimeofday"};

START_TEST(next_symbol_is_what_dlsym_finds)
{
    next_symbol_setup();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        bool sure = false;
        void *found = next_symbol_find(names[i], &sure);
        ck_assert_msg(sure, "%s", names[i]);
        ck_assert_ptr_eq(found, dlsym(RTLD_NEXT, names[i]));
        ck_assert_msg(found != NULL, "%s", names[i]);
    }
}
END_TEST

START_TEST(next_symbol_of_chosen_functions_is_left_to_dlsym)
{
    next_symbol_setup();
    for (size_t i = 0; i < sizeof(chosen) / sizeof(chosen[0]); i++) {
        bool sure = true;
        void *found = next_symbol_find(chosen[i], &sure);
        ck_assert(!sure || found == dlsym(RTLD_NEXT, chosen[i]));
    }
}
END_TEST

START_TEST(next_symbol_that_nobody_defines_is_surely_none)
{
    next_symbol_setup();
    bool sure = false;
    ck_assert_ptr_null(next_symbol_find("no_such_function_anywhere", &sure));
    ck_assert(sure);
    sure = false;
    ck_assert_ptr_null(next_symbol_find("main", &sure)); /* not behind us, but in us */
    ck_assert(sure);
}
END_TEST

UNIT_MAIN("next_symbol", next_symbol_is_what_dlsym_finds,
          next_symbol_of_chosen_functions_is_left_to_dlsym,
          next_symbol_that_nobody_defines_is_surely_none)
