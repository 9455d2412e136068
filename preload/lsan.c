/* SPDX-License-Identifier: Apache-2.0 */
#include "lsan.h"

#include "facts.h"
#include "interpose.h"
#include "leak_check.h"
#include "scan.h"
#include "settings.h"
#include "sys.h"
#include "text.h"
#include "thread_state.h"
#include "trace_file.h"
#include "vmtrace/lsan_options.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* compiler-rt, include/sanitizer/lsan_interface.h */
EXPORT void __lsan_disable(void);
EXPORT void __lsan_enable(void);
EXPORT void __lsan_ignore_object(const void *object);
EXPORT void __lsan_register_root_region(const void *start, size_t size);
EXPORT void __lsan_unregister_root_region(const void *start, size_t size);
EXPORT void __lsan_do_leak_check(void);
EXPORT int __lsan_do_recoverable_leak_check(void);
/* The program's, if it has them (and its symbol table shows them to libraries). */
extern const char *__lsan_default_options(void) __attribute__((weak));
extern const char *__lsan_default_suppressions(void) __attribute__((weak));
extern int __lsan_is_turned_off(void) __attribute__((weak));

enum {
    MOST_OPTIONS = 4096,          /* bytes of options */
    MOST_SUPPRESSIONS = 64 << 10, /* bytes of suppressions; what is behind them is cut off */
    LEAKS_EXIT_CODE = 23,         /* LeakSanitizer's */
    ASKING_AGAIN = 500,           /* times, with asking_pause before each */
};
static const struct timespec asking_pause = {0, 20000000};

/* Copies: forked children record them once more, and the program's texts need not live that long.
 */
static char option_bytes[MOST_OPTIONS] SYS_TABLE;
static char suppression_bytes[MOST_SUPPRESSIONS] SYS_TABLE;
static const char *options, *suppressions; /* these, or NULL: there are none */

static int busy; /* a check is under way */
static __thread unsigned disabled __attribute__((tls_model("initial-exec")));

static const char *environment_value(char **environment, const char *name)
{
    size_t length = strlen(name);
    for (char **entry = environment; *entry; entry++)
        if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=')
            return *entry + length + 1;
    return NULL;
}

/* Later options count, so the program's own come first. */
void lsan_setup(char **environment)
{
    struct text text;
    const char *own = &__lsan_default_options ? __lsan_default_options() : NULL;
    const char *users = environment_value(environment, "LSAN_OPTIONS");
    const char *hidden = &__lsan_default_suppressions ? __lsan_default_suppressions() : NULL;
    if (own || users) {
        text_init(&text, option_bytes, sizeof(option_bytes));
        options = option_bytes;
        text_add(&text, own ? own : "");
        text_add(&text, own && users ? ":" : "");
        text_add(&text, users ? users : "");
    }
    if (hidden) {
        text_init(&text, suppression_bytes, sizeof(suppression_bytes));
        suppressions = suppression_bytes;
        text_add(&text, hidden);
    }
}

static bool is_on(const char *key)
{
    return lsan_option_is(options, key, true);
}

static unsigned number_of(const char *key, unsigned usual)
{
    size_t length = 0;
    const char *value = lsan_option(options, key, &length);
    return value && length && *value >= '0' && *value <= '9' ? (unsigned)text_number(value) : usual;
}

/* In pieces of whole lines. */
static void record_suppressions(struct stream *stream)
{
    const char *at = suppressions;
    for (unsigned piece = 0; at && *at; piece++) {
        char key[40];
        struct text text;
        size_t length = strnlen(at, VMT_MAX_STRING);
        const char *end = length == VMT_MAX_STRING ? memrchr(at, '\n', length) : NULL;
        length = end ? (size_t)(end + 1 - at) : length;
        text_init(&text, key, sizeof(key));
        text_add(&text, "lsan_suppressions");
        if (piece) {
            text_add(&text, ".");
            text_add_number(&text, piece);
        }
        facts_record_text(stream, key, at, length);
        at += length;
    }
}

void lsan_record(struct stream *stream)
{
    struct stream_record record;
    busy = 0;
    if (options)
        facts_record_text(stream, "lsan_options", options, strlen(options));
    record_suppressions(stream);
    if (!is_on("detect_leaks") || !is_on("leak_check_at_exit"))
        facts_record_text(stream, "scan", "off", 3);
    if (disabled && stream_record_begin(&record, stream, VMT_OP_IGNORE_BEGIN, 0))
        stream_record_end(&record);
}

bool lsan_has_options(void)
{
    return options != NULL;
}

bool lsan_wants_exit_scan(struct stream *stream)
{
    if (!is_on("detect_leaks") || !is_on("leak_check_at_exit"))
        return false; /* lsan_record has said so */
    if (!(&__lsan_is_turned_off && __lsan_is_turned_off()))
        return true;
    facts_record_text(stream, "scan", "off", 3);
    return false;
}

EXPORT void __lsan_disable(void)
{
    if (disabled++ == 0)
        record_number(VMT_OP_IGNORE_BEGIN, 0);
}

/* LeakSanitizer ends a program that enables oftener than it disabled. */
EXPORT void __lsan_enable(void)
{
    if (disabled && --disabled == 0)
        record_number(VMT_OP_IGNORE_END, 0);
}

EXPORT void __lsan_ignore_object(const void *object)
{
    if (object)
        record_number(VMT_OP_IGNORE_OBJECT, (uint64_t)object);
}

EXPORT void __lsan_register_root_region(const void *start, size_t size)
{
    record_range(VMT_OP_ROOT_REGION, start, size);
}

EXPORT void __lsan_unregister_root_region(const void *start, size_t size)
{
    record_range(VMT_OP_ROOT_REGION_END, start, size);
}

/* `signals`: the program's mask. */
static bool scan_and_report(const uint64_t *signals)
{
    static char
        path[1024] SYS_TABLE; /* not on the stack, where it would hold what was there before */
    struct text text;
    size_t length = 0;
    const char *log_path = lsan_option(options, "log_path", &length);
    int error = scan_take(VMT_SCAN_LSAN, "");
    for (int i = 0; i < ASKING_AGAIN && error == EBUSY; i++) {
        sys_call(SYS_nanosleep, (long)&asking_pause, 0, 0, 0, 0, 0);
        error = scan_take(VMT_SCAN_LSAN, "");
    }
    if (error) {
        settings_complain("leak check: memory could not be scanned: %s",
                          error == EAGAIN ? "a signal handler within realloc has asked for it"
                                          : text_errno(error));
        return false;
    }
    text_init(&text, path, sizeof(path));
    text_add_bytes(&text, log_path ? log_path : "", length);
    return leak_check_report(length ? path : NULL, number_of("max_leaks", 0), signals) ==
           LEAK_CHECK_LEAKS;
}

/* One thread at a time, and no signal handler of its own: one that asks for a check would wait for
 * the one that it interrupted, and one that jumps out would have all others wait. */
static bool begin_check(uint64_t *signals)
{
    for (int i = 0; i < ASKING_AGAIN; i++) {
        sys_block_signals(signals);
        if (!__atomic_exchange_n(&busy, 1, __ATOMIC_ACQUIRE))
            return true;
        sys_restore_signals(signals);
        sys_call(SYS_nanosleep, (long)&asking_pause, 0, 0, 0, 0, 0);
    }
    settings_complain("leak check: another one is under way");
    return false;
}

static bool has_leaks(void)
{
    uint64_t signals;
    if (recording == RECORDING_OFF || sys_pid() != trace_pid || !is_on("detect_leaks") ||
        !begin_check(&signals))
        return false;
    bool leaks = scan_and_report(&signals);
    __atomic_store_n(&busy, 0, __ATOMIC_RELEASE);
    sys_restore_signals(&signals);
    return leaks;
}

EXPORT int __lsan_do_recoverable_leak_check(void)
{
    return has_leaks();
}

EXPORT void __lsan_do_leak_check(void)
{
    unsigned code = number_of("exitcode", LEAKS_EXIT_CODE);
    if (has_leaks() && code)
        _exit((int)code);
}
