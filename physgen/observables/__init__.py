"""What is measured on configurations of a distribution."""
