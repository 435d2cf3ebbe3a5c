"""A page of HTML as tests read it, and text that must not become markup."""

from html.parser import HTMLParser

VOID = {"meta", "br", "link", "img", "hr", "input"}
EVIL = "<script>alert('x')</script>\x1b[31m\u202e"
SHOWN = r"<script>alert('x')</script>\x1b[31m\u202e"


class Page(HTMLParser):
    """Collects elements and text, and fails on tags that do not nest."""

    def __init__(self, html):
        super().__init__()
        self.open, self.elements, self.text = [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), tuple(self.open)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes, _ in self.elements if name == tag]
