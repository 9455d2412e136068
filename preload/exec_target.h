/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Will a program that is about to be executed be traced?  A guess, made by its file and its
 * environment, with direct system calls and little stack: also for the child of a vfork.
 */
#ifndef VMTRACE_EXEC_TARGET_H
#define VMTRACE_EXEC_TARGET_H

#include "vmtrace/trace_format.h"

#include <stddef.h>

/* `path` as for openat(2), or NULL for the file that `folder` is; or a name as execvp takes it.
 * VMT_FOLLOWED also where that cannot be told, there is no such file, or children are not to be
 * traced at all. */
enum vmt_unfollowed exec_target_judge(int folder, const char *path, char *const environment[]);
enum vmt_unfollowed exec_target_judge_name(const char *name, char *const environment[]);

/* A program with a sanitizer's malloc is started without us, as it would run untraced: its runtime
 * refuses to start behind another library, and our __lsan_* functions would be called in place of
 * its own.  So is one with another libc, whose ld.so would refuse us.  `passed`: the environment
 * that such a program gets, on the caller's stack. */
#define EXEC_TARGET_ENVIRONMENT(passed, why, environment)                                          \
    size_t room_ = exec_target_room(why, environment);                                             \
    char *const *passed =                                                                          \
        room_ ? exec_target_without(environment, __builtin_alloca(room_), room_) : (environment)

/* Bytes; 0: the environment goes as it is. */
size_t exec_target_room(enum vmt_unfollowed why, char *const environment[]);
char *const *exec_target_without(char *const environment[], void *room, size_t size);

/* Takes us out of the value of an LD_PRELOAD, in its place. */
void exec_target_leave(char *list);

#endif
