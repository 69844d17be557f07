# One version: the newest tag vX.Y.Z reachable from HEAD, else the number below. Shown by `airtight --version`.
set(AIRTIGHT_VERSION 0.1.0)
find_package(Git QUIET)
if(GIT_FOUND)
  execute_process(COMMAND ${GIT_EXECUTABLE} describe --tags --abbrev=0 --match "v[0-9]*.[0-9]*.[0-9]*"
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} OUTPUT_VARIABLE tag OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(tag MATCHES "^v([0-9]+\\.[0-9]+\\.[0-9]+)$")
    set(AIRTIGHT_VERSION ${CMAKE_MATCH_1})
  endif()
endif()
