/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMTRACE_TESTS_LAZY_LIBRARY_H
#define VMTRACE_TESTS_LAZY_LIBRARY_H

/* Called by the dynamic linker's lazy binding, at the first call of lazy_function. */
extern void (*lazy_hook)(void);
int lazy_function(int value);

#endif
