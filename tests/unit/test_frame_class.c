/* SPDX-License-Identifier: Apache-2.0 */
#include "query/frame_class.h"

#include <stddef.h>

#include "unit_main.h"

START_TEST(frame_class_library_goes_by_the_file_where_there_is_one)
{
    ck_assert(frame_class_library("f", "/usr/include/c++/12/bits/new_allocator.h"));
    ck_assert(frame_class_library("f", "/rustc/90b35a6/library/alloc/src/vec/mod.rs"));
    ck_assert(frame_class_library("f", "/opt/gcc-14/include/c++/14.1.0/vector"));
    ck_assert(!frame_class_library("std::hash<mine>::operator()", "/home/ann/mine.h"));
    ck_assert(!frame_class_library("main", "/home/ann/usr/include/main.c"));
}
END_TEST

START_TEST(frame_class_library_without_a_file_goes_by_the_name)
{
    ck_assert(frame_class_library("std::vector<int>::push_back(int)", NULL));
    ck_assert(frame_class_library("void std::vector<a b>::_M_realloc_insert<int>(int)", NULL));
    ck_assert(frame_class_library("std::ostream& std::operator<< <char>(std::ostream&)", NULL));
    ck_assert(frame_class_library("<alloc::vec::Vec<T> as core::clone::Clone>::clone", NULL));
    ck_assert(!frame_class_library("std::string shop::name<int>(std::string)", NULL));
    ck_assert(!frame_class_library("std::ostream& shop::operator<<(std::ostream&, int)", NULL));
    ck_assert(!frame_class_library("shop::fill(std::vector<int>&)", NULL));
    ck_assert(!frame_class_library(NULL, NULL));
}
END_TEST

START_TEST(frame_class_allocator_knows_wrappers_by_their_names)
{
    static const char *const yes[] = {
        "xmalloc",
        "Perl_safesysmalloc",
        "ztrymalloc_usable",
        "xcalloc.part.0",
        "_PyMem_RawMalloc",
        "sqlite3MallocRaw",
        "g_strdup",
        "CRYPTO_zalloc",
        "xrealloc2",
        "xmalloc(unsigned long)",
        "operator new(unsigned long)",
    };
    static const char *const no[] = {
        "main", "malloc_test", "make_block", "shop::allocate(int)", "alloc", "", "_", "reallocate"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
        ck_assert_msg(frame_class_allocator(yes[i]), "%s", yes[i]);
    for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
        ck_assert_msg(!frame_class_allocator(no[i]), "%s", no[i]);
    ck_assert(!frame_class_allocator(NULL));
}
END_TEST

UNIT_MAIN("frame_class", frame_class_library_goes_by_the_file_where_there_is_one,
          frame_class_library_without_a_file_goes_by_the_name,
          frame_class_allocator_knows_wrappers_by_their_names)
