/* SPDX-License-Identifier: Apache-2.0 */
#include "render/short_name.h"

#include <string.h>

#include "unit_main.h"

#define STRING "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >"

static void expect(const char *name, size_t columns, const char *wanted)
{
    char *brief = short_name(name, columns, "...");
    ck_assert_pstr_eq(brief, wanted);
    free(brief);
}

START_TEST(short_name_defaults_are_left_out)
{
    expect(STRING "::_M_create(unsigned long)", 60, "std::string::_M_create(unsigned long)");
    expect("std::vector<" STRING ", std::allocator<" STRING " > >::push_back(int)", 60,
           "std::vector<std::string>::push_back(int)");
    expect("std::map<int, mine::allocator<int> >::size()", 60,
           "std::map<int, mine::allocator<int>>::size()");
    expect("main", 60, "main");
    expect("", 60, "");
}
END_TEST

START_TEST(short_name_parameters_go_first_then_template_arguments)
{
    expect("shop::cache<int, double>::put(unsigned long, double)", 40,
           "shop::cache<int, double>::put(...)");
    expect("shop::cache<int, double>::put(unsigned long, double)", 30,
           "shop::cache<...>::put(...)");
    expect("(anonymous namespace)::run(unsigned long)", 10, "(anonymous namespace)::run(...)");
    expect("<alloc::vec::Vec<T> as core::clone::Clone>::clone", 10,
           "<alloc::vec::Vec<T> as core::clone::Clone>::clone");
}
END_TEST

START_TEST(short_name_brackets_of_operators_enclose_nothing)
{
    expect("a::b<c, d>::operator()(unsigned, unsigned) const", 8,
           "a::b<...>::operator()(...) const");
    expect("s& operator<< <char, int>(s&, char const*)", 8, "s& operator<< <...>(...)");
    expect("a::operator->(unsigned)", 8, "a::operator->(...)");
}
END_TEST

START_TEST(short_name_unbalanced_brackets_stay)
{
    static char many[100000];
    expect("bad <<< name (((", 4, "bad <<< name (((");
    expect("x->y)>)", 4, "x->y)>)");
    memset(many, '<', sizeof(many) - 1);
    expect(many, 4, many);
}
END_TEST

UNIT_MAIN("short_name", short_name_defaults_are_left_out,
          short_name_parameters_go_first_then_template_arguments,
          short_name_brackets_of_operators_enclose_nothing, short_name_unbalanced_brackets_stay)
