/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which signals may ask for a snapshot, and what they are called: one list for the recorder and the
 * driver.
 */
#ifndef VMTRACE_SIGNAL_NAMES_H
#define VMTRACE_SIGNAL_NAMES_H

#include <signal.h>
#include <stddef.h>
#include <string.h>

#define VMT_SNAPSHOT_SIGNALS                                                                       \
    "USR1, USR2, HUP, PROF, VTALRM, WINCH, URG, IO, PWR, or a real-time signal's number from 34 "  \
    "to 64"

static const struct {
    char name[8];
    int number;
} vmt_snapshot_signals[] = {
    {"USR1", SIGUSR1}, {"USR2", SIGUSR2},     {"HUP", SIGHUP},
    {"PROF", SIGPROF}, {"VTALRM", SIGVTALRM}, {"WINCH", SIGWINCH},
    {"URG", SIGURG},   {"IO", SIGIO},         {"PWR", SIGPWR},
};

/* By name, with or without SIG, or by number; 0 where it is none of them. */
static inline int vmt_snapshot_signal(const char *text)
{
    int number = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9' && number < 100; at++)
        number = number * 10 + *at - '0';
    if (*at != '\0')
        number = 0;
    if (number >= 34 && number <= 64) /* 32 and 33 are glibc's */
        return number;
    if (strncmp(text, "SIG", 3) == 0)
        text += 3;
    for (size_t i = 0; i < sizeof(vmt_snapshot_signals) / sizeof(vmt_snapshot_signals[0]); i++) {
        const char *name = vmt_snapshot_signals[i].name;
        if (strcmp(text, name) == 0 || (number && number == vmt_snapshot_signals[i].number))
            return vmt_snapshot_signals[i].number;
    }
    return 0;
}

#endif
