/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a function's name stays the same whichever compiler, debug information and C++ library a
 * program was built with: the qualified name alone.
 *
 *     std::string ns::f[abi:cxx11]<int>(int) const    ns::f
 *     walk(int) [clone .isra.0]                       walk
 *     main::{lambda(int)#2}::operator()(int) const    main::operator()
 *     main::$_1::operator()(int) const                main::operator()
 *
 * Parameters and arguments of templates are spelled differently by each compiler, and some leave
 * them out; lambdas are numbered by where they stand, or not at all.
 */
#ifndef VMTRACE_GATE_FUNCTION_NAME_H
#define VMTRACE_GATE_FUNCTION_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* Writes it and a NUL to `out`, which has room for FUNCTION_NAME_ROOM(strlen(name)) bytes. */
#define FUNCTION_NAME_ROOM(length) ((length) + 32)
void function_name_plain(const char *name, char *out);

/* Of a plain name: what calls main, a thread's own function and constructors of libraries. */
bool function_name_starts_program(const char *name);

/* Of a plain name: a part of the C++ library that compilers put into programs. */
bool function_name_of_library(const char *name);

#endif
