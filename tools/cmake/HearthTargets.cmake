# The floors of the house as CMake targets. A folder is a target: `hearth_floor(dns/core …)`
# compiles every dns/core/*.cpp into hearth::dns_core. What a floor may see is what it names
# here, so a leak upwards fails to link.

add_library(hearth_options INTERFACE)
target_include_directories(hearth_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(hearth_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Woverloaded-virtual -Wcast-qual -Wformat=2 -Wimplicit-fallthrough -Wundef -Werror
  -fstack-protector-strong
  -funsigned-char)  # as on ARM, so that what is tested here is what runs there
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(hearth_options INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
target_link_options(hearth_options INTERFACE -Wl,-z,relro,-z,now)
target_compile_definitions(hearth_options INTERFACE HEARTH_VERSION="${PROJECT_VERSION}")

# hearth::asio: Boost.Asio compiled once, in runtime's library. Debian 12 keeps Boost 1.81
# beside 1.74; later Debians have only newer ones.
macro(hearth_find_asio)
  find_package(Boost 1.81 REQUIRED)
  add_library(hearth_asio INTERFACE)
  target_include_directories(hearth_asio SYSTEM INTERFACE ${Boost_INCLUDE_DIRS})
  target_compile_definitions(hearth_asio INTERFACE
    BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_NO_TS_EXECUTORS
    BOOST_ALL_NO_LIB)
  target_link_libraries(hearth_asio INTERFACE Threads::Threads)
  add_library(hearth::asio ALIAS hearth_asio)
endmacro()

function(hearth_target_name path out)
  string(REPLACE "/" "_" name ${path})
  set(${out} ${name} PARENT_SCOPE)
endfunction()

# hearth_resolve(out dns/core base OpenSSL::SSL): names of floors become hearth:: targets,
# anything with '::' or a '-l' stays.
function(hearth_resolve out)
  set(result)
  foreach(item ${ARGN})
    if(item MATCHES "::|^-l")
      list(APPEND result ${item})
    else()
      hearth_target_name(${item} name)
      list(APPEND result hearth::${name})
    endif()
  endforeach()
  set(${out} ${result} PARENT_SCOPE)
endfunction()

# hearth_floor(dns/core DEPENDS dns/model base [PRIVATE OpenSSL::Crypto])
function(hearth_floor path)
  cmake_parse_arguments(ARG "" "" "DEPENDS;PRIVATE" ${ARGN})
  hearth_target_name(${path} name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${path}/*.cpp)
  list(REMOVE_ITEM sources ${CMAKE_SOURCE_DIR}/${path}/main.cpp)
  if(sources)
    add_library(hearth_${name} STATIC ${sources})
    set(scope PUBLIC)
    target_link_libraries(hearth_${name} PRIVATE hearth_options)
  else()
    add_library(hearth_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(hearth::${name} ALIAS hearth_${name})
  hearth_resolve(depends ${ARG_DEPENDS})
  target_link_libraries(hearth_${name} ${scope} ${depends})
  if(ARG_PRIVATE AND sources)
    hearth_resolve(private ${ARG_PRIVATE})
    target_link_libraries(hearth_${name} PRIVATE ${private})
  endif()
endfunction()

# Everything a user runs, without the tests.
add_custom_target(programs)

# hearth_program(hearth-dns SOURCES dns/main.cpp DEPENDS dns/bind)
function(hearth_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  list(TRANSFORM ARG_SOURCES PREPEND ${CMAKE_SOURCE_DIR}/)
  add_executable(${name} ${ARG_SOURCES})
  hearth_resolve(depends ${ARG_DEPENDS})
  target_link_libraries(${name} PRIVATE hearth_options ${depends})
  add_dependencies(programs ${name})
endfunction()

# hearth_tests(dns DEPENDS dns/core): tests/dns/*_test.cpp as one program, each TEST known to ctest.
function(hearth_tests path)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  hearth_target_name(${path} name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${path}/*_test.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(${name}_test ${sources})
  hearth_resolve(depends ${ARG_DEPENDS})
  target_link_libraries(${name}_test PRIVATE hearth_options ${depends} GTest::gtest_main)
  target_compile_definitions(${name}_test PRIVATE
    HEARTH_SOURCE_DIR="${CMAKE_SOURCE_DIR}" HEARTH_BINARY_DIR="${CMAKE_BINARY_DIR}")
  gtest_discover_tests(${name}_test TEST_PREFIX "${path}/" DISCOVERY_TIMEOUT 60
                       PROPERTIES LABELS unit TIMEOUT 120)
endfunction()

# hearth_fuzzer(dns_wire DEPENDS dns/core): tests/fuzz/dns_wire_fuzz.cpp. Under HEARTH_FUZZ a
# libFuzzer program; otherwise a program that replays tests/fuzz/corpus/dns_wire once, as a test.
function(hearth_fuzzer name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  set(source ${CMAKE_SOURCE_DIR}/tests/fuzz/${name}_fuzz.cpp)
  hearth_resolve(depends ${ARG_DEPENDS})
  if(HEARTH_FUZZ)
    add_executable(${name}_fuzz ${source})
    target_link_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${name}_fuzz ${source} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cpp)
    add_test(NAME fuzz/${name} COMMAND ${name}_fuzz ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
    set_tests_properties(fuzz/${name} PROPERTIES LABELS corpus TIMEOUT 120)
  endif()
  target_link_libraries(${name}_fuzz PRIVATE hearth_options ${depends})
endfunction()
