/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `vmtrace check`, and valgrind's options in front of a program: run, report, judge.
 *
 * Traces go into a folder of their own below TMPDIR, unless the user says where; vmtrace-report
 * reads them all and gives the verdict.
 */
#ifndef VMTRACE_DRIVER_CHECK_H
#define VMTRACE_DRIVER_CHECK_H

/* argv[0] is "check".  Returns the exit status unless the program died of a signal: then so does
 * this process. */
int driver_check(int argc, char **argv);

/* argv[1] is an option of valgrind's. */
int driver_valgrind(int argc, char **argv);

/* The hidden command that the self-test checks. */
#define DRIVER_SELFTEST "self-test-program"

struct driver_session;

/* Prints a line for each thing that a pipeline relies on; CLI_NOT_DONE if one does not hold.  The
 * session says how the programs are recorded and where traces go. */
int driver_selftest(const struct driver_session *session);
int driver_selftest_program(const char *name);

#endif
