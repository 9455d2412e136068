/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks that are released by the wrong function: new[] with delete, and malloc
 * with delete.  glibc does not mind; other allocators and destructors do.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./mismatched_free; vmtrace-report
 * vmtrace.mismatched_free.*.vmt Look for: in the error section two "mismatched-free", allocated by
 * make_array() and make_raw(); the program itself ends well.
 */
#include <cstdlib>
#include <new>

static __attribute__((noinline)) void *make_array()
{
    return ::operator new[](30); /* new[] */
}

static __attribute__((noinline)) void *make_raw()
{
    return malloc(60); /* malloc */
}

static __attribute__((noinline)) void drop(void *block)
{
    ::operator delete(block); /* delete */
}

int main()
{
    drop(make_array());
    drop(make_raw());
    return 0;
}
