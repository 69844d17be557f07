# Writes the JSON Schemas NAMES (from FILES, in the same order) into the C++ file OUTPUT, behind the schema() of HEADER in NAMESPACE.
set(cases "")
foreach(name file IN ZIP_LISTS NAMES FILES)
  file(READ ${file} text)
  set(pieces "")
  string(LENGTH "${text}" length)
  set(at 0)
  while(at LESS length)  # compilers need not accept string literals beyond 64 KiB
    string(SUBSTRING "${text}" ${at} 8000 piece)
    string(APPEND pieces "      R\"~~~~(${piece})~~~~\"\n")
    math(EXPR at "${at} + 8000")
  endwhile()
  string(APPEND cases "  if (name == \"${name}\") return\n${pieces}      ;\n")
endforeach()
file(WRITE ${OUTPUT}
"#include \"${HEADER}\"\n\nnamespace ${NAMESPACE} {\n\nstd::string_view schema(std::string_view name) {\n${cases}  return {};\n}\n\n}  // namespace ${NAMESPACE}\n")
