/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Will a program that is about to be executed be traced?  A guess, made by its file and its
 * environment, with direct system calls and little stack: also for the child of a vfork.
 */
#ifndef VMTRACE_EXEC_TARGET_H
#define VMTRACE_EXEC_TARGET_H

#include "vmtrace/trace_format.h"

/* `path` as for openat(2), or NULL for the file that `folder` is; or a name as execvp takes it.
 * VMT_FOLLOWED also where that cannot be told, there is no such file, or children are not to be
 * traced at all. */
enum vmt_unfollowed exec_target_judge(int folder, const char *path, char *const environment[]);
enum vmt_unfollowed exec_target_judge_name(const char *name, char *const environment[]);

#endif
