# find_package(vmtrace) -> vmtrace_add_leak_test(), VMTRACE_EXECUTABLE.
#
#     find_package(vmtrace REQUIRED)
#     vmtrace_add_leak_test(NAME parser_leaks COMMAND parser_test --quick
#                           SUPPRESSIONS leaks.supp BASELINE leaks.baseline
#                           OPTIONS --fail-on=definite)
#
# The test fails when the program or one of its children leaks, when it fails itself, and when it
# could not be checked.  The first word of COMMAND may be a target.  For all tests at once:
# set(MEMORYCHECK_COMMAND ${VMTRACE_EXECUTABLE}) and set(MEMORYCHECK_TYPE Valgrind) before
# include(CTest), then `ctest -T memcheck`.
get_filename_component(_vmtrace_here "${CMAKE_CURRENT_LIST_DIR}" REALPATH)
find_program(VMTRACE_EXECUTABLE vmtrace HINTS "${_vmtrace_here}/../../../bin")
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(vmtrace REQUIRED_VARS VMTRACE_EXECUTABLE)

function(vmtrace_add_leak_test)
  cmake_parse_arguments(PARSE_ARGV 0 leak "" "NAME;WORKING_DIRECTORY"
                        "COMMAND;SUPPRESSIONS;BASELINE;OPTIONS")
  if(NOT leak_NAME OR NOT leak_COMMAND)
    message(FATAL_ERROR "vmtrace_add_leak_test: NAME and COMMAND are needed")
  endif()
  if(leak_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "vmtrace_add_leak_test: what is ${leak_UNPARSED_ARGUMENTS}?")
  endif()
  list(GET leak_COMMAND 0 program)
  list(REMOVE_AT leak_COMMAND 0)
  if(TARGET ${program})
    set(program $<TARGET_FILE:${program}>)
  endif()
  set(options ${leak_OPTIONS})
  foreach(kind IN ITEMS SUPPRESSIONS BASELINE)
    string(TOLOWER ${kind} option)
    foreach(file IN LISTS leak_${kind})
      get_filename_component(file ${file} ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
      list(APPEND options --${option}=${file})
    endforeach()
  endforeach()
  if(NOT leak_WORKING_DIRECTORY)
    set(leak_WORKING_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
  endif()
  add_test(NAME ${leak_NAME} WORKING_DIRECTORY ${leak_WORKING_DIRECTORY}
           COMMAND ${VMTRACE_EXECUTABLE} check ${options} -- ${program} ${leak_COMMAND})
endfunction()
