/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The VMTRACE_* environment variables.  docs/man/libvmtrace.7 describes them for users.
 */
#ifndef VMTRACE_SETTINGS_H
#define VMTRACE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum settings_faults {
    SETTINGS_FAULTS_AUTO,
    SETTINGS_FAULTS_PERF,
    SETTINGS_FAULTS_RUSAGE,
    SETTINGS_FAULTS_OFF
};
enum settings_residency { SETTINGS_RESIDENCY_ALL, SETTINGS_RESIDENCY_EXIT, SETTINGS_RESIDENCY_OFF };
enum settings_scan { SETTINGS_SCAN_EXIT, SETTINGS_SCAN_OFF };
enum settings_log { SETTINGS_LOG_QUIET, SETTINGS_LOG_ERRORS, SETTINGS_LOG_SUMMARY };
enum settings_clock { SETTINGS_CLOCK_AUTO, SETTINGS_CLOCK_TSC, SETTINGS_CLOCK_COUNTER };

#define SETTINGS_OUTPUT "vmtrace.%e.%p.vmt"

struct settings {
    const char *output; /* the pattern, as it was given */
    enum settings_faults faults;
    enum settings_residency residency;
    enum settings_scan scan;
    enum settings_log log;
    enum settings_clock clock;
    bool follow_forks;
    bool follow_execs; /* never without follow_forks */
    bool preloaded;    /* libvmtrace.so stood in LD_PRELOAD when the program started */
    bool start_paused;
    bool fault_stacks;    /* of each fault the whole stack */
    bool free_stacks;     /* of each release, too */
    int snapshot_signal;  /* 0: none */
    uint32_t depth;       /* frames, 1 to VMT_MAX_DEPTH */
    uint32_t interval_ms; /* 1 to 3600000 */
    uint64_t max_size;    /* bytes; UINT64_MAX: no cap */
    uint64_t sample;      /* bytes; 0: everything is recorded */
    uint64_t seed;        /* of the samples; 0: another one each time */
};

extern struct settings settings;

/* Is it where `vmtrace check` has the traces of its children put? */
bool settings_is_of_check(const char *output);

/* Reads `environment` into `settings`.  False: one line was printed on stderr, and the program
 * is to run untraced. */
bool settings_load(char **environment);

/* One line on stderr, "vmtrace: " before it, if the log level permits errors. */
void settings_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same at level `summary`. */
void settings_inform(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
