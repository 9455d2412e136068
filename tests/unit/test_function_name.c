/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/function_name.h"

#include <stdlib.h>
#include <string.h>

#include "unit_main.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct name_case {
    const char *name, *plain;
};

static void check(const struct name_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *out = malloc(FUNCTION_NAME_ROOM(strlen(cases[i].name)));
        ck_assert_ptr_nonnull(out);
        function_name_plain(cases[i].name, out);
        ck_assert_str_eq(out, cases[i].plain);
        free(out);
    }
}

START_TEST(function_name_of_c_is_kept)
{
    static const struct name_case cases[] = {
        {"main", "main"},
        {"", "?"},
        {"?", "?"},
        {"strdup@plt", "strdup"},
        {"__GI_qsort", "qsort"},
        {"qsort@@GLIBC_2.2.5", "qsort"},
        {"operators", "operators"},
        {"my_operator", "my_operator"},
    };
    check(cases, COUNT(cases));
}
END_TEST

START_TEST(function_name_without_what_optimizers_append)
{
    static const struct name_case cases[] = {
        {"parse.isra.0", "parse"},
        {"parse.constprop.0.isra.0", "parse"},
        {"parse.part.2", "parse"},
        {"parse.cold", "parse"},
        {"parse.llvm.1234", "parse"},
        {"parse.lto_priv.0", "parse"},
        {"parse.localalias", "parse"},
        {"main._omp_fn.0", "main"},
        {"walk(int) [clone .isra.0]", "walk"},
        {"ns::walk<int>(int) [clone .constprop.0] [clone .cold]", "ns::walk"},
    };
    check(cases, COUNT(cases));
}
END_TEST

START_TEST(function_name_without_parameters_and_templates)
{
    static const struct name_case cases[] = {
        {"std::string ns::f[abi:cxx11]<int>(int) const", "ns::f"},
        {"unsigned long* make<unsigned long, 251ul>()", "make"},
        {"make<long unsigned int, 251>", "make"},
        {"void fill<std::__cxx11::basic_string<char>*>(std::__cxx11::basic_string<char>*)", "fill"},
        {"void values<(Color)0, (3>2), -3>()", "values"},
        {"(anonymous namespace)::Parser::run(char const*)", "(anonymous namespace)::Parser::run"},
        {"void (anonymous namespace)::f<(anonymous namespace)::T>()", "(anonymous namespace)::f"},
        {"std::vector<int, std::allocator<int> >::push_back(int&&)", "std::vector::push_back"},
        {"std::__1::vector<int>::push_back(int&&)", "std::vector::push_back"},
        {"void (*pick<int>(int))(char)", "void (*pick<int>(int))(char)"}, /* rare */
        {"f(int) const &", "f"},
        {"non-virtual thunk to B::go()", "B::go"},
    };
    check(cases, COUNT(cases));
}
END_TEST

START_TEST(function_name_of_operators)
{
    static const struct name_case cases[] = {
        {"A::operator()(int) const", "A::operator()"},
        {"A::operator()<int>(int) const", "A::operator()"},
        {"A::operator<(A const&) const", "A::operator<"},
        {"std::ostream& ns::operator<< <int>(std::ostream&, int)", "ns::operator<<"},
        {"bool operator<=><int>(A, A)", "operator<=>"},
        {"A::operator->() const", "A::operator->"},
        {"A::operator bool() const", "A::operator bool"},
        {"A::operator unsigned long() const", "A::operator unsigned long"},
        {"A::operator std::vector<int>() const", "A::operator std::vector"},
        {"operator new[](unsigned long)", "operator new[]"},
        {"operator new(unsigned long, std::nothrow_t const&)", "operator new"},
        {"A::operator[](int)", "A::operator[]"},
    };
    check(cases, COUNT(cases));
}
END_TEST

START_TEST(function_name_of_lambdas_has_no_number)
{
    static const struct name_case cases[] = {
        {"main::{lambda(int)#2}::operator()(int) const", "main::operator()"},
        {"main::$_1::operator()(int) const", "main::operator()"},
        {"f()::{lambda()#1}::operator()() const::{lambda()#2}::operator()() const",
         "f::operator()::operator()"},
        {"call<main()::<lambda()> >", "call"},
        {"decltype ({parm#1}()) call<main::$_9>(main::$_9)", "call"},
        {"auto f()::$_1::operator()<long>(long) const", "f::operator()"},
        {"f()::$_5 std::for_each<int*, f()::$_5>(int*, int*, f()::$_5)", "std::for_each"},
        {"{lambda()#1}::operator()() const", "operator()"},
        {"$_0::operator()() const", "operator()"},
        {"main::<lambda(int)>::operator()", "main::operator()"},
    };
    check(cases, COUNT(cases));
}
END_TEST

START_TEST(function_name_of_initialization_is_one)
{
    static const struct name_case cases[] = {
        {"__static_initialization_and_destruction_0(int, int)", "(static initialization)"},
        {"__cxx_global_var_init.1", "(static initialization)"},
        {"_GLOBAL__sub_I_main.cc", "(static initialization)"},
    };
    check(cases, COUNT(cases));
}
END_TEST

START_TEST(function_name_of_other_languages)
{
    static const struct name_case cases[] = {
        {"main.(*Parser).run", "main.(*Parser).run"},
        {"<alloc::vec::Vec<T> as core::ops::Drop>::drop",
         "<alloc::vec::Vec<T> as core::ops::Drop>::drop"},
        {"parser::run::{{closure}}", "parser::run::{{closure}}"},
    };
    check(cases, COUNT(cases));
}
END_TEST

START_TEST(function_name_of_broken_names_ends)
{
    static const char *const names[] = {"f(", "f<",    "f<(",   "operator", "a::",
                                        "::", "(",     "[abi:", "{lambda(", "$_",
                                        " ",  "f(a))", "f>",    ".",        "@"};
    for (size_t i = 0; i < COUNT(names); i++) {
        char out[FUNCTION_NAME_ROOM(16)];
        function_name_plain(names[i], out);
        ck_assert_uint_gt(strlen(out), 0);
        ck_assert_uint_lt(strlen(out), sizeof(out));
    }
}
END_TEST

UNIT_MAIN("function_name", function_name_of_c_is_kept, function_name_without_what_optimizers_append,
          function_name_without_parameters_and_templates, function_name_of_operators,
          function_name_of_lambdas_has_no_number, function_name_of_initialization_is_one,
          function_name_of_other_languages, function_name_of_broken_names_ends)
