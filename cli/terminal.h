// What both programs ask of the terminal.
#pragma once

namespace airtight {

bool on_terminal(int fd);    // one that can move its cursor
bool colour_wanted(int fd);  // on such a terminal, unless NO_COLOR is set and not empty

}  // namespace airtight
