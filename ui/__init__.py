"""The reviewer's pages: the worklist, and a case that is read blind before the AI is shown.

They are served by Streamlit behind `ui.serving`, which asks everybody to sign in; by default only
this computer can connect. The pages read the case database and the image files; they import
neither torch nor the models.
"""
