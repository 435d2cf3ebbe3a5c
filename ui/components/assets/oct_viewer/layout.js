// Sizes of the B-scans on the page.

const SHOWN = 0.58; // height to width of a B-scan unless its proportions are true
const LEAST = 200; // CSS pixels; a B-scan is not made lower to fit into the window

class Layout extends Captions {
  // Sizes of the B-scans: they fit into the window together with their controls.
  shape() {
    const { proportion } = this.header.bscans;
    this.find(".true-scale").hidden = !proportion;
    this.find(".true-scale input").checked = this.state.trueScale;
    this.find(".panes").classList.toggle("two", !this.find(".other").hidden);
    const most = this.mostHeight();
    const own = this.shapeFrame(".own", proportion, most);
    if (this.comparison?.shown) this.shapeFrame(".other", this.comparison.proportion, most);
    const stretched = proportion && !this.state.trueScale && own / proportion > 1.05;
    this.find(".scale").textContent = stretched
      ? `depth stretched ×${(own / proportion).toFixed(1)}` : "";
  }

  // Returns height to width as shown.
  shapeFrame(name, proportion, most) {
    const { clientWidth } = this.find(name);
    if (!clientWidth) return SHOWN;
    const true_ = proportion && this.state.trueScale;
    const wanted = (true_ ? proportion : SHOWN) * clientWidth;
    const tall = Math.round(Math.min(wanted, most));
    const wide = true_ ? Math.min(clientWidth, Math.round(tall / proportion)) : clientWidth;
    const { style } = this.find(`${name} .frame`);
    if (style.height !== `${tall}px`) style.height = `${tall}px`;
    if (style.width !== `${wide}px`) style.width = `${wide}px`;
    return tall / wide;
  }

  // What the window leaves for the B-scans when their controls are in it, in CSS pixels.
  mostHeight() {
    if (innerWidth < 900) return innerHeight / 2;
    const frame = this.find(".own .frame");
    const above = heightAbove(frame);
    if (above !== null) {
      const rest = this.find(".scan").clientHeight - this.find(".panes").clientHeight;
      const under = this.find(".other").hidden ? 0 : 44;
      this.most = Math.max(innerHeight - above - rest - under - 20, LEAST);
    }
    return this.most ?? innerHeight / 2;
  }
}
