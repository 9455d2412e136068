/* SPDX-License-Identifier: Apache-2.0 */
/* Suppressions that nobody need write: what the C and C++ libraries leave behind. */
#include <stdio.h>

#include "suppress/suppression.h"

/* What is left when a program ends although nobody does wrong: the loader's tables of threads that
 * still run, the unwinder that pthread_exit loads, libstdc++'s reserve for exceptions.  Frames of
 * the program's own are not passed over, but those of the libraries that keep such things. */
static const char builtin[] =
    "{\n   thread-local storage of a thread that still runs\n   Memcheck:Leak\n"
    "   match-leak-kinds: definite,indirect,possible\n"
    "   fun:*alloc*\n   obj:*/ld-linux*\n}\n"
    "{\n   thread-local storage of a module\n   Memcheck:Leak\n"
    "   match-leak-kinds: definite,indirect,possible\n"
    "   fun:*alloc*\n   ...\n   fun:*tls_get_addr*\n}\n"
    "{\n   table of a thread's modules\n   Memcheck:Leak\n"
    "   match-leak-kinds: definite,indirect,possible\n"
    "   fun:*alloc*\n   fun:*_dl_resize_dtv*\n}\n"
    "{\n   thread that still runs\n   Memcheck:Leak\n"
    "   match-leak-kinds: definite,indirect,possible\n"
    "   fun:calloc\n   fun:*_dl_allocate_tls*\n}\n"
    "{\n   unwinder for pthread_exit\n   Memcheck:Leak\n"
    "   match-leak-kinds: definite,indirect,possible\n"
    "   fun:*alloc*\n   ...\n   obj:*/ld-linux*\n   ...\n   fun:*pthread_exit*\n}\n"
    "{\n   libstdc++'s reserve for exceptions\n   Memcheck:Leak\n"
    "   match-leak-kinds: definite,indirect,possible\n"
    "   fun:malloc\n   obj:*/libstdc++.so*\n   obj:*/ld-linux*\n}\n";

/* What valgrind does not show because it has glibc and libstdc++ release it at the end
 * (__libc_freeres, __gnu_cxx::__freeres): buffers of streams, locales, time zones, character sets,
 * name services, the environment.  What such functions hand to their caller is not meant. */
static const struct {
    const char *name, *function;
} library_caches[] = {
    {"buffer of a stream", "*IO_*doallocate"},
    {"locale", "_nl_*"},
    {"locale", "setlocale"},
    {"locale", "new_composite_name"},
    {"message catalogue", "__dcigettext"},
    {"message catalogue", "bindtextdomain"},
    {"message catalogue", "textdomain"},
    {"character sets", "__gconv_*"},
    {"character sets", "__wcsmbs_*"},
    {"time zone", "tzset*"},
    {"time zone", "__tz*"},
    {"time zone", "localtime"},
    {"time zone", "localtime_r"},
    {"time zone", "mktime"},
    {"name service", "__nss_*"},
    {"name service", "__res*"},
    {"name service", "getpwnam*"},
    {"name service", "getpwuid*"},
    {"name service", "getgrnam*"},
    {"name service", "getgrgid*"},
    {"name service", "gethostbyname*"},
    {"name service", "gethostbyaddr*"},
    {"name service", "getservby*"},
    {"loader's message", "_dlerror_run"},
    {"loader's message", "dlerror"},
    {"environment", "__add_to_environ"},
    {"environment", "setenv"},
    {"environment", "putenv"},
};

static const char exception_reserve[] = "{\n   libstdc++'s reserve for exceptions\n"
                                        "   Memcheck:Leak\n   match-leak-kinds: reachable\n"
                                        "   fun:malloc\n   obj:*/libstdc++.so*\n"
                                        "   obj:*/ld-linux*\n}\n";

static enum vmt_error add(struct suppression_list *list, const char *text, size_t size,
                          struct error *error)
{
    size_t first = list->count;
    enum vmt_error code = suppression_list_parse(list, "built-in", text, size, error);
    for (size_t i = first; i < list->count; i++) {
        list->items[i].builtin = true;
        list->items[i].kinds &= ~SUPPRESSION_UNSCANNED;
    }
    return code;
}

enum vmt_error suppression_list_add_builtin(struct suppression_list *list, struct error *error)
{
    return add(list, builtin, sizeof(builtin) - 1, error);
}

enum vmt_error suppression_list_add_library_caches(struct suppression_list *list,
                                                   struct error *error)
{
    char text[256];
    enum vmt_error code = add(list, exception_reserve, sizeof(exception_reserve) - 1, error);
    for (size_t i = 0; i < sizeof(library_caches) / sizeof(library_caches[0]) && !code; i++) {
        int length = snprintf(text, sizeof(text),
                              "{\n%s\nMemcheck:Leak\nmatch-leak-kinds: reachable\n...\nfun:%s\n}\n",
                              library_caches[i].name, library_caches[i].function);
        code = add(list, text, (size_t)length, error);
    }
    return code;
}
