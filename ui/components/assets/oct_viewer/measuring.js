// The caliper in the reader's hand: by pointer and by keys.

class Measuring extends Layout {
  // Keys while the caliper is in the hand; returns whether the key was one of them.
  measureKey(event) {
    const { caliper, state: { index } } = this;
    const { key, shiftKey } = event;
    const far = shiftKey ? 10 : 1;
    const ways = {
      ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far],
    };
    const line = caliper.line(index);
    if (ways[key] && line) caliper.nudge(index, ...ways[key]);
    else if (key === "Enter" && event.target.matches(".pane")) caliper.enter(index);
    else if (key === "Delete" || key === "Backspace") caliper.remove(index);
    else if (key === "Escape" && event.target.matches(".pane, .measure")) {
      if (!line || !caliper.remove(index)) this.measure(false);
    } else return false;
    this.draw();
    this.tellLength();
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  // Take the caliper in the hand, or put it down; by key its first end is in the middle.
  measure(on, byKey = false) {
    const { caliper } = this;
    caliper.on = on && Boolean(caliper.spacing);
    const button = this.find(".measure");
    button.setAttribute("aria-pressed", caliper.on);
    button.disabled = !caliper.spacing;
    button.title = caliper.spacing ? "" : "The scale of this scan is not known.";
    if (caliper.on && byKey) {
      this.find(".pane").focus({ preventScroll: true });
      if (!caliper.line(this.state.index)) caliper.enter(this.state.index);
    }
    if (!this.scans.at(this.state.index)) return;
    this.draw();
    this.tellLength();
  }

  press(place) {
    this.caliper.press(this.state.index, place);
    this.draw();
    this.tellLength();
  }

  tellLength() {
    const { caliper, state: { index } } = this;
    const line = caliper.line(index);
    let text = caliper.on ? "Caliper. Press Enter to set an end." : "Caliper put down";
    if (line && !line.first) text = `${caliper.text(index)}${line.open ? "" : ", set"}`;
    else if (line) text = "First end of the caliper. The arrow keys move it, Enter sets it.";
    this.tell(text);
  }
}
