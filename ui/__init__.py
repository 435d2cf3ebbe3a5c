"""The reviewer's pages: the worklist, and a case that is read blind before the AI is shown.

They are served by Streamlit on 127.0.0.1 only: a reader gives a name and no password, so whoever
can reach the pages can give any name. The pages read the case database and the image files; they
import neither torch nor the models.
"""
