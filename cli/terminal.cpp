#include "cli/terminal.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace airtight {

bool on_terminal(int fd) {
  const char* term = std::getenv("TERM");
  return ::isatty(fd) == 1 && !(term && std::strcmp(term, "dumb") == 0);
}

bool colour_wanted(int fd) {
  const char* no_colour = std::getenv("NO_COLOR");
  return on_terminal(fd) && !(no_colour && *no_colour);
}

}  // namespace airtight
