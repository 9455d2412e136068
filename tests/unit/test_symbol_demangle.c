/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/name_pool.h"
#include "symbol/symbolizer.h"

static const struct {
    const char *mangled, *readable;
} names[] = {
    {"_ZN3foo3barEi", "foo::bar(int)"},
    {"_ZNSt6vectorIiSaIiEE9push_backERKi",
     "std::vector<int, std::allocator<int> >::push_back(int const&)"},
    {"_ZNKSt3setC2Ev", "std::set::set() const"},
    {"_Z3addIiET_S0_S0_", "int add<int>(int, int)"},
    {"_Z1fv.part.0", "f() [clone .part.0]"},
    {"_Znwm", "operator new(unsigned long)"},
    {"_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write"},
    {"_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar"},
    {"_D8demangle4testFZv", "demangle.test()"},
    {"_Dmain", "D main"},
};

START_TEST(symbol_demangle_mangled_name_becomes_readable)
{
    char *readable = symbol_demangle(names[_i].mangled);

    ck_assert_pstr_eq(readable, names[_i].readable);
    free(readable);
}
END_TEST

START_TEST(symbol_demangle_other_names_are_left_alone)
{
    static const char *const plain[] = {"main", "",   "_",  "__libc_malloc", "_start",    "_Z",
                                        "_ZN",  "_R", "_D", "Zfoo",          "main.main", "_Zzz",
                                        "_Dzz"};

    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        ck_assert_pstr_eq(symbol_demangle(plain[i]), NULL);
    ck_assert_pstr_eq(symbol_demangle(NULL), NULL);
}
END_TEST

START_TEST(symbol_demangle_overlong_name_is_left_alone)
{
    size_t length = 1000000;
    char *name = malloc(length + 1);

    ck_assert_ptr_nonnull(name);
    memset(name, 'P', length);
    memcpy(name, "_Z1f", 4);
    name[length] = '\0';
    ck_assert_pstr_eq(symbol_demangle(name), NULL);
    free(name);
}
END_TEST

START_TEST(name_pool_readable_drops_versions_and_keeps_plt)
{
    static const char versioned[] = "memcpy@@GLIBC_2.14", hidden[] = "_ZN1a1bEv@V1",
                      entry[] = "malloc@plt", mangled_entry[] = "_ZN1a1bEv@plt", plain[] = "main";
    struct name_pool pool;

    ck_assert_int_eq(name_pool_init(&pool), 0);
    ck_assert_pstr_eq(name_pool_readable(&pool, versioned), "memcpy");
    ck_assert_pstr_eq(name_pool_readable(&pool, hidden), "a::b()");
    ck_assert_pstr_eq(name_pool_readable(&pool, entry), "malloc@plt");
    ck_assert_pstr_eq(name_pool_readable(&pool, mangled_entry), "a::b()@plt");
    ck_assert_ptr_eq(name_pool_readable(&pool, plain), plain);
    ck_assert_ptr_eq(name_pool_readable(&pool, hidden), name_pool_readable(&pool, hidden));
    name_pool_release(&pool);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("symbol_demangle");
    TCase *tests = tcase_create("symbol_demangle");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tests, symbol_demangle_mangled_name_becomes_readable, 0,
                        (int)(sizeof(names) / sizeof(names[0])));
    tcase_add_test(tests, symbol_demangle_other_names_are_left_alone);
    tcase_add_test(tests, symbol_demangle_overlong_name_is_left_alone);
    tcase_add_test(tests, name_pool_readable_drops_versions_and_keeps_plt);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
