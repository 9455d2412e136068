/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Beginning and end of recording in a process: start-up, fork, exec, exit.
 */
#ifndef VMTRACE_LIFECYCLE_H
#define VMTRACE_LIFECYCLE_H

#include <stdbool.h>
#include <stdint.h>

/* At the first allocation, or when the library's constructor runs. */
void lifecycle_start(void);

/* In a forked child, as soon as it is noticed: begins a file of its own, or stops recording. */
void lifecycle_forked(void);

/* The same, if this is such a child at all. */
void lifecycle_check_fork(void);

/* The process is about to end with `status`, in the way of an enum vmt_exit.  What happens
 * afterwards is still recorded. */
void lifecycle_end(unsigned how, int status);

/* The work of it, on a stack that has room for it (exit_frame.c calls it). */
struct exit_registers;
void lifecycle_end_with(unsigned how, int status, const struct exit_registers *registers);

/* It was announced, but the process goes on. */
void lifecycle_not_ended(void);

/* quick_exit was called: its handlers, which do not get the status, will run now. */
void lifecycle_note_quick_exit(int status);

/* The image is about to be replaced by `path`; and: it was not, for the reason `error`. */
void lifecycle_exec(const char *path);
void lifecycle_exec_failed(int error);

/* dlclose was called: the addresses of a module may now be free for another. */
void lifecycle_module_closed(void);

/* A fatal signal was recorded. */
void lifecycle_crashed(int signal);

#endif
