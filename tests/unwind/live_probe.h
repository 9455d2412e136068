/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live test's random walk through call shapes: `visit` picks one, which calls visit again and
 * captures its stack now and then with rows and with libunwind.
 */
#ifndef VMTRACE_TESTS_LIVE_PROBE_H
#define VMTRACE_TESTS_LIVE_PROBE_H

#ifdef __cplusplus
extern "C" {
#endif

/* Captures twice and compares.  Aborts with both stacks on a difference. */
void probe(void);

/* Goes at most `budget` shapes deeper. */
void visit(int budget);

/* A number below `limit`, the same sequence for the same seed, one sequence per thread. */
unsigned live_random(unsigned limit);

/* Shapes written in C++: exceptions thrown through frames with destructors that capture. */
void shape_exception(int budget);

#ifdef __cplusplus
}
#endif

#endif
